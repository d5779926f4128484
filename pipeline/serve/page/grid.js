// The images in rows, by sheets: those near the window are there, of all others only their height.

import { element } from "./element.js";
import { justify } from "./justify.js";
import { PER_SHEET } from "./listing.js";
import { neighbour } from "./neighbour.js";
import { Tile } from "./tile.js";
import { seen } from "./words.js";

export const MOST_SHEETS = 600; // in one page to scroll; beyond it, the rail leads on
const NEAR = 1.5; // windows above and below

export class Grid {
  /**
   * @param {HTMLElement} host
   * @param {{previews: object, open: (row: object) => void, href: (row: object) => string, tellPlace: () => void,
   *   goOn: (rank: number) => void, tellError: (error: Error) => void}} uses
   */
  constructor(host, uses) {
    Object.assign(this, { host, ...uses, listing: null, base: 0, heights: [], sheets: new Map(), focused: null });
    this.watcher = new IntersectionObserver((entries) => this.entered(entries), { rootMargin: "50% 0px" });
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(host);
    host.addEventListener("click", (event) => this.clicked(event));
    host.addEventListener("keydown", (event) => this.pressed(event));
    host.addEventListener("focusin", (event) => this.focusedOn(event));
  }

  /**
   * Shows a listing from some image on; what was shown stays until then.
   * @returns {Promise<object[]|null>} the images of its first sheet; null when another listing came in between
   */
  async show(listing, rank = 0) {
    this.coming?.leave();
    this.coming = listing;
    const number = Math.floor(rank / PER_SHEET);
    const rows = await listing.sheet(number);
    if (listing !== this.coming) return null;
    this.clear();
    this.listing = listing;
    this.base = this.baseOf(number);
    this.host.classList.toggle("ranked", listing.order !== "key");
    this.resize();
    scrollTo({ top: this.topOf(number), behavior: "instant" });
    this.fill();
    if (rank) await this.reveal(rank);
    return rows;
  }

  /** The sheet that the window begins with, so that a number lies in it, and not at its edge where that can be. */
  baseOf(number) {
    return Math.max(0, Math.min(number - MOST_SHEETS / 2, this.listing.sheets - MOST_SHEETS));
  }

  get count() {
    return Math.min(this.listing.sheets - this.base, MOST_SHEETS);
  }

  get rowHeight() {
    const width = this.host.clientWidth;
    return width < 500 ? width / 3.2 : Math.min(220, Math.max(150, width / 6));
  }

  get gap() {
    return this.host.clientWidth < 500 ? 2 : 4;
  }

  /** How high a sheet is that nobody has seen, if its images are as wide as most. */
  get usual() {
    return (PER_SHEET * 1.35 * this.rowHeight ** 2) / Math.max(1, this.host.clientWidth);
  }

  heightOf(number) {
    const { total } = this.listing;
    const share = total === null ? 1 : Math.min(1, total / PER_SHEET - number);
    return this.heights[number - this.base] ?? share * this.usual;
  }

  topOf(number) {
    let top = 0;
    for (let at = this.base; at < number; at++) top += this.heightOf(at);
    return top;
  }

  /** The rank of the first image in sight. */
  get place() {
    const line = scrollY - this.host.offsetTop + this.rowHeight / 2;
    for (let number = this.base, top = 0; number < this.base + this.count; number++) {
      const height = this.heightOf(number);
      if (top + height > line) return Math.round((number + Math.max(0, line - top) / height) * PER_SHEET);
      top += height;
    }
    return 0;
  }

  soon() {
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.fill();
      this.tellPlace();
      if (this.isAtEdge) this.goOn(this.place);
    });
  }

  /** Whether one has scrolled to an end of the page behind which there are more sheets. */
  get isAtEdge() {
    const number = Math.floor(this.place / PER_SHEET);
    return (number === this.base && this.base > 0) || (number === this.base + MOST_SHEETS - 1 && number + 1 < this.listing.sheets);
  }

  /** Brings the sheets that are near, and lets the others go. */
  fill() {
    if (!this.listing) return;
    const [from, to] = [scrollY - this.host.offsetTop - NEAR * innerHeight, scrollY - this.host.offsetTop + (1 + NEAR) * innerHeight];
    const near = new Set();
    for (let number = this.base, top = 0; number < this.base + this.count; number++) {
      const bottom = top + this.heightOf(number);
      if (bottom >= from && top <= to) near.add(number);
      top = bottom;
    }
    for (const [number, sheet] of this.sheets) if (!near.has(number)) this.drop(number, sheet);
    for (const number of near) if (!this.sheets.has(number)) this.bring(number);
  }

  async bring(number) {
    const { listing } = this;
    const sheet = { host: element("div", { class: "sheet" }), tiles: [] };
    this.sheets.set(number, sheet);
    try {
      const rows = await listing.sheet(number);
      if (this.sheets.get(number) !== sheet) return;
      this.lay(number, sheet, rows);
      this.resize();
      this.soon();
    } catch (error) {
      if (this.sheets.get(number) === sheet) this.sheets.delete(number);
      if (error.name !== "AbortError") this.tellError(error);
    }
  }

  lay(number, sheet, rows) {
    const shapes = rows.map((row) => shapeOf(row));
    const room = { width: this.host.clientWidth, height: this.rowHeight, gap: this.gap, isLast: this.listing.isLast(number) };
    const { boxes, height } = justify(shapes, room);
    const isAbove = this.topOf(number) + this.heightOf(number) <= scrollY - this.host.offsetTop + innerHeight / 2;
    const grew = height - this.heightOf(number);
    this.heights[number - this.base] = height;
    if (isAbove && grew) scrollBy({ top: grew, behavior: "instant" });
    sheet.tiles = rows.map((row, at) => new Tile(row, boxes[at], this.listing.order, this.href(row)));
    for (const tile of sheet.tiles) {
      tile.element.tile = tile;
      this.watcher.observe(tile.element);
    }
    sheet.host.replaceChildren(...sheet.tiles.map((tile) => tile.element));
    const after = [...this.sheets].filter(([other, { host }]) => other > number && host.isConnected).sort(([one], [other]) => one - other)[0];
    this.host.insertBefore(sheet.host, after?.[1].host ?? null); // the Tab key goes by this order
    if (!this.focused?.element.isConnected) this.enter();
  }

  drop(number, sheet) {
    for (const tile of sheet.tiles) {
      this.watcher.unobserve(tile.element);
      tile.hide(this.previews);
    }
    sheet.host.remove();
    this.sheets.delete(number);
  }

  clear() {
    if (this.listing !== this.coming) this.listing?.leave();
    for (const [number, sheet] of [...this.sheets]) this.drop(number, sheet);
    this.heights = [];
    this.focused = null;
    this.listing = null;
  }

  resize() {
    this.host.style.height = `${this.topOf(this.base + this.count)}px`;
    for (const [number, sheet] of this.sheets) sheet.host.style.top = `${this.topOf(number)}px`;
  }

  resized() {
    if (!this.listing || this.width === this.host.clientWidth) return;
    const place = this.place;
    const isFirst = this.width === undefined;
    this.width = this.host.clientWidth;
    if (isFirst) return;
    for (const [number, sheet] of [...this.sheets]) this.drop(number, sheet);
    this.heights = [];
    this.resize();
    this.fill();
    if (scrollY > this.host.offsetTop) this.reveal(place);
  }

  entered(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) target.tile.show(this.previews);
      else target.tile.hide(this.previews);
    }
  }

  // ---- from image to image ----

  /** The image of a rank; null beyond the ends. */
  async row(rank) {
    if (rank < 0) return null;
    const number = Math.floor(rank / PER_SHEET);
    if (number >= this.listing.sheets) return null;
    return (await this.listing.sheet(number))[rank % PER_SHEET] ?? null;
  }

  /** Scrolls so that an image is in sight, and makes it the one that the Tab key leads to. */
  async reveal(rank) {
    const number = Math.floor(rank / PER_SHEET);
    if (number < this.base || number >= this.base + this.count) return;
    if (!this.sheets.get(number)?.tiles.length) {
      scrollTo({ top: this.topOf(number), behavior: "instant" });
      this.fill();
      await this.listing.sheet(number);
      await new Promise(requestAnimationFrame);
    }
    const tile = this.sheets.get(number)?.tiles[rank % PER_SHEET];
    tile?.element.scrollIntoView({ block: "nearest", behavior: "instant" });
    if (tile) this.enter(tile);
  }

  enter(tile = [...this.sheets.values()].find((sheet) => sheet.tiles.length)?.tiles[0]) {
    if (this.focused) this.focused.link.tabIndex = -1;
    this.focused = tile ?? null;
    if (tile) tile.link.tabIndex = 0;
  }

  tiles() {
    return [...this.sheets].sort(([one], [other]) => one - other).flatMap(([, sheet]) => sheet.tiles);
  }

  /** The rank of a key among the sheets that are there. */
  find(key) {
    for (const [number, sheet] of this.sheets) {
      const at = sheet.tiles.findIndex((tile) => tile.row.key === key);
      if (at >= 0) return number * PER_SHEET + at;
    }
    return null;
  }

  clicked(event) {
    const tile = event.target.closest(".place")?.tile;
    if (!tile || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.open(tile.row, this.find(tile.row.key));
  }

  focusedOn(event) {
    const tile = event.target.closest(".place")?.tile;
    if (tile) this.enter(tile);
  }

  pressed(event) {
    const tile = event.target.closest(".place")?.tile;
    const next = tile && neighbour(this.tiles(), tile, event.key);
    if (!next) return;
    event.preventDefault();
    this.enter(next);
    next.link.focus({ preventScroll: true });
    next.element.scrollIntoView({ block: "nearest", behavior: "auto" });
  }
}

function shapeOf(row) {
  const [width, height] = seen(row);
  return width && height ? width / height : 1;
}
