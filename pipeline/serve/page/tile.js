// One image in the grid: its blur at once, its preview when that comes, a sharper one where that is coarse; or the words
// that say why there is none.

import { element } from "./element.js";
import { pixelsOf } from "./thumbhash.js";
import { seen, told, whole } from "./words.js";

const COARSE = 0.55; // of the tile's width: a preview with fewer pixels is shown until there is a better one

export class Tile {
  /** @param {{order: string, href: string, previews: object, renderings: object}} uses */
  constructor(row, box, uses) {
    Object.assign(this, { row, box, uses, isShown: false });
    const words = told(row, uses.order);
    const name = row.key.slice(row.key.lastIndexOf("/") + 1);
    const caption = [element("span", { class: "name" }, name), element("span", { class: "told" }, words)];
    this.link = element(
      "a",
      { href: uses.href, class: `tile ${row.status}`, tabindex: -1, "aria-label": spoken(row, words), title: row.key },
      element("span", { class: "caption", "aria-hidden": "true" }, ...caption),
    );
    this.element = element("div", { role: "listitem", class: "place" }, this.link);
    this.element.tile = this;
    for (const side of ["left", "top", "width", "height"]) this.element.style[side] = `${box[side]}px`;
  }

  /** It comes into sight. */
  show() {
    if (this.isShown) return;
    this.isShown = true;
    if (this.row.thumbhash) this.link.prepend(blur(this.row.thumbhash));
    if (this.row.status === "failed") this.say("failed");
    else if (!this.row.width) this.say("no picture");
    else this.uses.previews.want(this.row, (preview) => this.preview(preview));
  }

  /** It goes out of sight: what was shown is taken away. */
  hide() {
    if (!this.isShown) return;
    this.isShown = false;
    this.uses.previews.forget(this.row);
    this.uses.renderings.forget(this);
    for (const shown of this.link.querySelectorAll("img, canvas, .why")) shown.remove();
  }

  async preview(preview) {
    const image = preview && (await this.load(URL.createObjectURL(preview)));
    if (this.isShown && !(image?.naturalWidth >= COARSE * this.box.width)) this.uses.renderings.want(this);
  }

  /** @returns {Promise<HTMLImageElement|null>} when it is there; null when it cannot be had */
  async load(url) {
    const image = element("img", { alt: "", src: url });
    try {
      await image.decode();
    } catch {
      if (!this.link.querySelector("img, .why")) this.say("no preview");
      return null;
    } finally {
      if (url.startsWith("blob:")) URL.revokeObjectURL(url);
    }
    if (this.isShown) {
      this.link.querySelector(".caption").before(image);
      requestAnimationFrame(() => image.classList.add("come"));
    }
    return image;
  }

  say(what) {
    if (this.isShown) this.link.append(element("span", { class: "why" }, this.row.reason ?? what));
  }
}

function spoken(row, words) {
  const [width, height] = seen(row);
  return [row.key, width ? `${whole(width)} by ${whole(height)} pixels` : null, words].filter(Boolean).join(", ");
}

function blur(thumbhash) {
  const image = pixelsOf(thumbhash);
  const canvas = element("canvas", { width: image.width, height: image.height, "aria-hidden": "true" });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
