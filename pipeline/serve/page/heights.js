// Where sheets lie, one below the other: those that were laid out, and by estimate all others.

import { PER_SHEET } from "./listing.js";

export const MOST_SHEETS = 600; // in one page to scroll: browsers end at some ten million pixels
const USUAL_SHAPE = 1.35; // width by height of most images

export class Heights {
  /** Of the sheets around one of a listing; the others are beyond the ends of this page. */
  constructor(listing, number) {
    this.listing = listing;
    this.first = Math.max(0, Math.min(number - MOST_SHEETS / 2, listing.sheets - MOST_SHEETS));
    this.known = new Map();
    this.usual = 0;
  }

  get end() {
    return Math.min(this.listing.sheets, this.first + MOST_SHEETS);
  }

  /** Forgets what was known: the page has another width. */
  estimate(width, rowHeight) {
    this.known.clear();
    this.usual = (PER_SHEET * USUAL_SHAPE * rowHeight ** 2) / Math.max(1, width);
  }

  of(number) {
    return this.known.get(number) ?? (this.count(number) / PER_SHEET) * this.usual;
  }

  /** The images of a sheet; as many as one has at most where that is not known. */
  count(number) {
    const { total } = this.listing;
    return total === null ? PER_SHEET : Math.min(PER_SHEET, total - number * PER_SHEET);
  }

  top(number) {
    let top = 0;
    for (let at = this.first; at < number; at++) top += this.of(at);
    return top;
  }

  /** The numbers of the sheets that lie between two lines. */
  between(from, to) {
    const found = [];
    for (let number = this.first, top = 0; number < this.end && top <= to; number++) {
      const bottom = top + this.of(number);
      if (bottom >= from) found.push(number);
      top = bottom;
    }
    return found;
  }

  /** The rank, about, of the image at a line. */
  rankAt(line) {
    for (let number = this.first, top = 0; number < this.end; number++) {
      const height = this.of(number);
      if (top + height > line) {
        return number * PER_SHEET + Math.floor((Math.max(0, line - top) / height) * this.count(number));
      }
      top += height;
    }
    const last = this.end - 1;
    return Math.max(0, last * PER_SHEET + this.count(last) - 1);
  }

  /** Whether a rank lies in a sheet at an end of this page, behind which there are more. */
  isAtEdge(rank) {
    const number = Math.floor(rank / PER_SHEET);
    return (number === this.first && number > 0) || (number >= this.end - 1 && this.end < this.listing.sheets);
  }
}
