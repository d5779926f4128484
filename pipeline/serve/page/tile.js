// One image in the grid: its blur at once, its preview when that comes, or the words that say why there is none.

import { segment } from "./api.js";
import { element } from "./element.js";
import { pixelsOf } from "./thumbhash.js";
import { seen, told, whole } from "./words.js";

export class Tile {
  constructor(row, box, order, href) {
    this.row = row;
    const [width, height] = seen(row);
    const words = told(row, order);
    const name = row.key.slice(row.key.lastIndexOf("/") + 1);
    const spoken = [row.key, width ? `${whole(width)} by ${whole(height)} pixels` : null, words];
    this.link = element(
      "a",
      { href, class: `tile ${row.status}`, tabindex: -1, "aria-label": spoken.filter(Boolean).join(", "), title: row.key },
      element("span", { class: "caption", "aria-hidden": "true" }, element("span", { class: "name" }, name), element("span", { class: "told" }, words)),
    );
    this.element = element("div", { role: "listitem", class: "place" }, this.link);
    this.element.tile = this;
    Object.assign(this.element.style, { left: `${box.left}px`, top: `${box.top}px`, width: `${box.width}px`, height: `${box.height}px` });
    this.isShown = false;
  }

  /** The blur, and then what `previews` has. */
  show(previews) {
    if (this.isShown) return;
    this.isShown = true;
    if (this.row.thumbhash) this.link.prepend(blur(this.row.thumbhash));
    if (this.row.status === "failed") this.say(this.row.reason ?? "failed");
    else if (this.row.preview_length || this.row.width) previews.want(this.row, (preview) => this.picture(preview ? URL.createObjectURL(preview) : this.made()));
    else this.say(this.row.reason ?? "no picture");
  }

  /** Takes what was shown away: it is out of sight. */
  hide(previews) {
    if (!this.isShown) return;
    this.isShown = false;
    previews.forget(this.row);
    for (const shown of this.link.querySelectorAll("img, canvas, .why")) shown.remove();
  }

  made() {
    return `preview/${segment(this.row.key)}`;
  }

  picture(url) {
    if (!this.isShown) return;
    const image = element("img", { alt: "", decoding: "async" });
    image.onload = () => {
      image.classList.add("come");
      if (url.startsWith("blob:")) URL.revokeObjectURL(url);
    };
    image.onerror = () => {
      image.remove();
      this.say(this.row.reason ?? "no preview");
    };
    image.src = url;
    this.link.querySelector(".caption").before(image);
  }

  say(why) {
    if (this.isShown && !this.link.querySelector(".why")) this.link.append(element("span", { class: "why" }, why));
  }
}

function blur(thumbhash) {
  const image = pixelsOf(thumbhash);
  const canvas = element("canvas", { width: image.width, height: image.height, "aria-hidden": "true" });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}
