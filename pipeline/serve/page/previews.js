// Previews of tiles that come into sight: all of a screen in one request, held for when they come again.

import { askPreviews, Refused } from "./api.js";

const TOGETHER_MS = 40;
const MOST = 300; // in one request
const HELD = 3000;

export class Previews {
  /** @param {() => void} outdated is called when the server shows a newer version than the rows are of */
  constructor(outdated) {
    this.outdated = outdated;
    this.wanted = new Map();
    this.held = new Map();
    this.timer = null;
  }

  /** Calls `show` with the preview of a row, or null where there is none; unless `forget` comes first. */
  want(row, show) {
    const name = `${row.edition}/${row.position}`;
    if (this.held.has(name)) {
      show(this.held.get(name));
      return;
    }
    this.wanted.set(name, { row, show });
    this.timer ??= setTimeout(() => this.ask(), TOGETHER_MS);
  }

  forget(row) {
    this.wanted.delete(`${row.edition}/${row.position}`);
  }

  async ask() {
    this.timer = null;
    const some = [...this.wanted].slice(0, MOST).sort(([, one], [, other]) => one.row.position - other.row.position);
    if (!some.length) return;
    for (const [name] of some) this.wanted.delete(name);
    if (this.wanted.size) this.timer = setTimeout(() => this.ask(), 0);
    const edition = some[0][1].row.edition;
    try {
      const found = await askPreviews(edition, some.map(([, { row }]) => row.position));
      some.forEach(([name, { show }], at) => this.keep(name, found[at], show));
    } catch (error) {
      if (error instanceof Refused && error.status === 410) this.outdated();
      else for (const [, { show }] of some) show(null);
    }
  }

  keep(name, preview, show) {
    this.held.set(name, preview);
    if (this.held.size > HELD) this.held.delete(this.held.keys().next().value);
    show(preview);
  }
}
