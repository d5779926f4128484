// The images that meet a filter, in an order, as sheets of so many: asked for once, and held.

import { ask } from "./api.js";

export const PER_SHEET = 200;
const HELD = 40; // sheets
const PATIENCE = 25; // answers in a row that found nothing

export class Listing {
  /** @param {(looked: {at: number, of: number}|null) => void} tellLooking how far a search without finds has come */
  constructor(filter, order, tellLooking) {
    this.filter = filter;
    this.order = order;
    this.total = null; // null where images must be looked at to know
    this.of = null; // images of the archive
    this.ends = []; // where sheets end, if the next ones are found from there
    this.isWhole = false; // whether the last sheet is known
    this.looked = 0;
    this.tellLooking = tellLooking;
    this.held = new Map();
    this.leaving = new AbortController();
  }

  /** How many sheets are known to exist, or may: the next one after those that were read. */
  get sheets() {
    if (this.total !== null) return Math.ceil(this.total / PER_SHEET);
    return this.isWhole ? this.ends.length : this.ends.length + 1;
  }

  isLast(number) {
    return number === this.sheets - 1 && (this.total !== null || this.isWhole);
  }

  /** @returns {Promise<object[]>} the images of a sheet */
  sheet(number) {
    if (!this.held.has(number)) {
      this.held.set(number, this.read(number));
      this.held.get(number).catch(() => this.held.delete(number));
      if (this.held.size > HELD) this.held.delete(this.held.keys().next().value);
    }
    return this.held.get(number);
  }

  leave() {
    this.leaving.abort();
  }

  async read(number) {
    const rows = [];
    let where = this.ends[number - 1] ? { after: this.ends[number - 1] } : { start: number * PER_SHEET || null };
    for (let answers = 0; answers < PATIENCE; answers++) {
      const answer = await ask(
        "images",
        { filter: this.filter, order: this.order, limit: PER_SHEET - rows.length, ...where },
        { signal: this.leaving.signal },
      );
      rows.push(...answer.images.map((row) => ({ ...row, edition: answer.edition })));
      [this.total, this.of] = [answer.total, answer.of];
      if (this.total !== null) return rows;
      this.looked += answer.looked_at;
      where = { after: answer.next };
      const isDone = answer.next === null || rows.length === PER_SHEET;
      this.tellLooking(isDone ? null : { at: this.looked, of: answer.of });
      if (isDone) break;
    }
    this.ends[number] = where.after;
    this.isWhole ||= where.after === null;
    return rows;
  }
}
