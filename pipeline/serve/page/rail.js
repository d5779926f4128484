// Where in a very long listing one is, and the way to anywhere else in it.

import { ask } from "./api.js";
import { byId } from "./element.js";
import { whole } from "./words.js";

const PAUSE_MS = 120;

export class Rail {
  /** @param {(rank: number) => void} go */
  constructor(go) {
    this.host = byId("rail");
    this.input = this.host.querySelector("input");
    this.bubble = this.host.querySelector("output");
    this.input.addEventListener("input", () => this.moved());
    this.input.addEventListener("change", () => {
      this.host.classList.remove("moving");
      go(Number(this.input.value));
    });
  }

  /** Is there where a listing is too long to scroll through, and its images are counted. */
  show(listing, isLong) {
    this.listing = listing;
    this.host.hidden = !isLong || listing.total === null;
    if (listing.total !== null) this.input.max = listing.total - 1;
  }

  at(rank) {
    if (!this.host.classList.contains("moving")) this.input.value = rank;
  }

  moved() {
    this.host.classList.add("moving");
    const rank = Number(this.input.value);
    this.bubble.style.top = `${(100 * rank) / Math.max(1, Number(this.input.max))}%`;
    this.bubble.textContent = whole(rank + 1);
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.name(rank), PAUSE_MS);
  }

  async name(rank) {
    const { filter, order } = this.listing;
    const { images } = await ask("images", { filter, order, start: rank, limit: 1 }).catch(() => ({ images: [] }));
    if (images.length && Number(this.input.value) === rank) {
      this.bubble.textContent = `${whole(rank + 1)} · ${images[0].key}`;
      this.input.setAttribute("aria-valuetext", images[0].key);
    }
  }
}
