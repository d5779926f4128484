// The images in rows, by sheets: those near the window are there, of all others only their height.

import { element } from "./element.js";
import { Heights } from "./heights.js";
import { justify } from "./justify.js";
import { PER_SHEET } from "./listing.js";
import { neighbour } from "./neighbour.js";
import { Tile } from "./tile.js";
import { seen } from "./words.js";

const NEAR = 1.5; // windows above and below

export class Grid {
  /**
   * @param {HTMLElement} host
   * @param {{tileUses: object, open: (row: object, rank: number) => void, href: (row: object) => string,
   *   tellPlace: (rank: number) => void, goOn: (rank: number) => void, tellError: (error: Error) => void}} uses
   *   goOn: is called at an end of the page behind which there are more images
   */
  constructor(host, uses) {
    Object.assign(this, { host, ...uses, listing: null, coming: null, heights: null, sheets: new Map(), focused: null });
    this.watcher = new IntersectionObserver((entries) => this.entered(entries), { rootMargin: "50% 0px" });
    addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.resized()).observe(host);
    host.addEventListener("click", (event) => this.clicked(event));
    addEventListener("keydown", (event) => this.pressed(event));
    host.addEventListener("focusin", ({ target }) => this.enter(tileAt(target) ?? this.focused));
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
    this.dropAll();
    this.focused = null;
    this.listing = listing;
    this.heights = new Heights(listing, number);
    this.heights.estimate(this.host.clientWidth, this.rowHeight);
    this.host.classList.toggle("ranked", listing.order !== "key");
    this.place();
    scrollTo({ top: this.heights.top(number), behavior: "instant" });
    this.fill();
    if (rank) await this.reveal(rank);
    return rows;
  }

  /** The rank of the first image in sight. */
  get rank() {
    return this.heights?.rankAt(this.line + this.rowHeight / 2) ?? 0;
  }

  /** Of the grid, what is at the top of the window. */
  get line() {
    return scrollY - this.host.offsetTop;
  }

  get rowHeight() {
    const width = this.host.clientWidth;
    return width < 500 ? width / 3.2 : Math.min(220, Math.max(150, width / 6));
  }

  // ---- sheets ----

  soon() {
    if (!this.listing) return;
    this.waiting ??= requestAnimationFrame(() => {
      this.waiting = null;
      this.fill();
      this.tellPlace(this.rank);
      if (this.listing === this.coming && this.heights.isAtEdge(this.rank)) this.goOn(this.rank);
    });
  }

  /** Brings the sheets that are near, and lets the others go. */
  fill() {
    const near = new Set(this.heights.between(this.line - NEAR * innerHeight, this.line + (1 + NEAR) * innerHeight));
    for (const number of [...this.sheets.keys()]) if (!near.has(number)) this.drop(number);
    for (const number of near) if (!this.sheets.has(number)) this.bring(number);
  }

  async bring(number) {
    const sheet = { host: element("div", { class: "sheet" }), tiles: [] };
    this.sheets.set(number, sheet);
    try {
      const rows = await this.listing.sheet(number);
      if (this.sheets.get(number) !== sheet) return;
      this.lay(number, sheet, rows);
      this.soon();
    } catch (error) {
      if (this.sheets.get(number) === sheet) this.sheets.delete(number);
      this.tellError(error);
    }
  }

  lay(number, sheet, rows) {
    const width = this.host.clientWidth;
    const room = { width, height: this.rowHeight, gap: width < 500 ? 2 : 4, isLast: this.listing.isLast(number) };
    const { boxes, height } = justify(rows.map(shapeOf), room);
    const before = this.heights.of(number);
    const isAbove = this.heights.top(number) + before <= this.line + innerHeight / 2;
    sheet.tiles = rows.map((row, at) => new Tile(row, boxes[at], { ...this.tileUses, order: this.listing.order, href: this.href(row) }));
    sheet.host.replaceChildren(...sheet.tiles.map((tile) => tile.element));
    for (const tile of sheet.tiles) this.watcher.observe(tile.element);
    const below = this.inOrder().find(([other, { host }]) => other > number && host.isConnected);
    this.host.insertBefore(sheet.host, below?.[1].host ?? null); // the Tab key goes by this order
    this.heights.known.set(number, height);
    this.place();
    if (isAbove) scrollBy({ top: height - before, behavior: "instant" }); // what is in sight stays where it is
    if (!this.focused?.element.isConnected) this.enter(sheet.tiles[0] ?? null);
  }

  place() {
    this.host.style.height = `${this.heights.top(this.heights.end)}px`;
    for (const [number, { host }] of this.sheets) host.style.top = `${this.heights.top(number)}px`;
  }

  drop(number) {
    const sheet = this.sheets.get(number);
    this.sheets.delete(number);
    sheet.host.remove();
    for (const tile of sheet.tiles) {
      this.watcher.unobserve(tile.element);
      tile.hide();
    }
  }

  dropAll() {
    for (const number of [...this.sheets.keys()]) this.drop(number);
  }

  resized() {
    const width = this.host.clientWidth;
    if (width === this.width) return;
    const [isFirst, rank, isScrolled] = [this.width === undefined, this.rank, this.line > 0];
    this.width = width;
    if (isFirst || !this.listing) return;
    this.dropAll();
    this.heights.estimate(width, this.rowHeight);
    this.place();
    this.fill();
    if (isScrolled) this.reveal(rank);
  }

  entered(entries) {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) tileAt(target).show();
      else tileAt(target).hide();
    }
  }

  // ---- from image to image ----

  /** The image of a rank; null beyond the ends. */
  async row(rank) {
    const number = Math.floor(rank / PER_SHEET);
    if (number < 0 || number >= this.listing.sheets) return null;
    return (await this.listing.sheet(number))[rank % PER_SHEET] ?? null;
  }

  /** The rank of a key among the sheets that are there; null where it is in none of them. */
  find(key) {
    for (const [number, { tiles }] of this.sheets) {
      const at = tiles.findIndex((tile) => tile.row.key === key);
      if (at >= 0) return number * PER_SHEET + at;
    }
    return null;
  }

  /** Scrolls so that an image is in sight, and makes it the one that the Tab key leads to. */
  async reveal(rank) {
    const number = Math.floor(rank / PER_SHEET);
    if (number < this.heights.first || number >= this.heights.end) return;
    if (!this.sheets.get(number)?.tiles.length) {
      scrollTo({ top: this.heights.top(number), behavior: "instant" });
      this.fill();
      await this.listing.sheet(number);
      await new Promise(requestAnimationFrame);
    }
    const tile = this.sheets.get(number)?.tiles[rank % PER_SHEET];
    tile?.element.scrollIntoView({ block: "nearest", behavior: "instant" });
    if (tile) this.enter(tile);
  }

  /** Of the tiles that are there: sheets come when they come. */
  firstInSight() {
    return this.inOrder()
      .flatMap(([, sheet]) => sheet.tiles)
      .find(({ element }) => element.getBoundingClientRect().top >= 0);
  }

  enter(tile) {
    if (this.focused) this.focused.link.tabIndex = -1;
    if (tile) tile.link.tabIndex = 0;
    this.focused = tile;
  }

  inOrder() {
    return [...this.sheets].sort(([one], [other]) => one - other);
  }

  clicked(event) {
    const tile = tileAt(event.target);
    if (!tile || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.open(tile.row, this.find(tile.row.key));
  }

  /** Where nothing has the focus, the first arrow leads to the first image in sight. */
  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !event.key.startsWith("Arrow")) return;
    const tile = tileAt(event.target);
    const isFree = event.target === document.body && !document.querySelector("dialog[open]");
    const next = tile ? neighbour(this.inOrder().flatMap(([, sheet]) => sheet.tiles), tile, event.key) : isFree && this.firstInSight();
    if (!next) return;
    event.preventDefault();
    next.link.focus({ preventScroll: true });
    next.element.scrollIntoView({ block: "nearest", behavior: "auto" });
  }
}

const tileAt = (target) => target.closest(".place")?.tile;

function shapeOf(row) {
  const [width, height] = seen(row);
  return width && height ? width / height : 1;
}
