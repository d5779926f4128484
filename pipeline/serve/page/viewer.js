// One image, as deep as it goes: OpenSeadragon over the IIIF service, beside what is known of it.

import { ask, segment } from "./api.js";
import { byId, element } from "./element.js";
import { factsOf } from "./facts.js";

const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Viewer {
  /** @param {{archive: string, go: (step: number) => void, closed: () => void}} uses */
  constructor(uses) {
    Object.assign(this, uses);
    this.dialog = byId("viewer");
    this.key = null;
    this.decoder = null; // the faithful one
    this.zoom = null;
    const on = (selector, act) => this.dialog.querySelector(selector).addEventListener("click", act);
    on(".previous", () => this.go(-1));
    on(".next", () => this.go(1));
    on(".in", () => this.zoomBy(1.6));
    on(".out", () => this.zoomBy(1 / 1.6));
    on(".fit", () => this.zoom?.viewport.goHome());
    on(".one", () => this.pixelByPixel());
    on(".about", () => this.turnFacts());
    on(".close", () => this.dialog.close());
    this.dialog.addEventListener("close", () => this.left());
    addEventListener("keydown", (event) => this.dialog.open && this.pressed(event));
  }

  /**
   * @param {object|null} row of a list, where one is at hand: its preview stands in until the first tile is there
   * @returns {Promise<object|null>} what is known of the image, its rank in the order too; null when it cannot be shown
   */
  async show(key, order, row = null) {
    this.key = key;
    this.decoder = null;
    byId("generated").hidden = true;
    if (!this.dialog.open) this.dialog.showModal();
    document.documentElement.classList.add("viewing");
    byId("name").textContent = key;
    byId("why").hidden = true;
    this.meanwhile(row);
    const [image] = await Promise.all([this.told(key, order), this.deep(key, row)]);
    return image;
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  steps(hasPrevious, hasNext) {
    this.dialog.querySelector(".previous").disabled = !hasPrevious;
    this.dialog.querySelector(".next").disabled = !hasNext;
  }

  async told(key, order) {
    try {
      const image = await ask(`images/${segment(key)}`, { order });
      if (key === this.key) byId("told").replaceChildren(...factsOf(image, this.archive, (decoder) => this.shownBy(decoder)));
      return image;
    } catch (error) {
      if (key !== this.key) return null;
      byId("told").replaceChildren();
      this.say(error.message);
      return null;
    }
  }

  meanwhile(row) {
    const image = byId("meanwhile");
    image.hidden = !row?.width;
    if (!image.hidden) image.src = `preview/${segment(row.key)}`; // where it is stored, no decoder is waited for
  }

  async deep(key, row) {
    const OpenSeadragon = await openSeadragon();
    if (key !== this.key) return;
    this.zoom ??= this.made(OpenSeadragon);
    this.zoom.close();
    if (row?.status === "failed" || row?.width === null) {
      this.say(row.reason ?? "This file holds no picture that can be shown.");
      return;
    }
    this.zoom.open(information(key, this.decoder));
  }

  /** The same payload, as another of its decoders shows it. */
  shownBy(decoder) {
    this.decoder = decoder;
    byId("generated").hidden = !decoder?.generates;
    byId("why").hidden = true;
    this.zoom?.close();
    this.zoom?.open(information(this.key, decoder));
  }

  made(OpenSeadragon) {
    OpenSeadragon.setString("Errors.OpenFailed", ""); // `explain` says it in the server's words
    const zoom = OpenSeadragon({
      element: byId("zoom"),
      drawer: "canvas",
      showNavigationControl: false,
      showNavigator: false,
      animationTime: isStill ? 0 : 0.5,
      immediateRender: isStill,
      blendTime: isStill ? 0 : 0.15,
      visibilityRatio: 0.6,
      minZoomImageRatio: 0.8,
      maxZoomPixelRatio: 8,
      imageLoaderLimit: 4,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      keyboardShortcut: {},
    });
    zoom.innerTracker.keyDownHandler = null; // keys are those of the page
    zoom.innerTracker.keyHandler = null;
    zoom.addHandler("tile-drawn", () => (byId("meanwhile").hidden = true));
    zoom.addHandler("zoom", () => this.smoothed());
    zoom.addHandler("open-failed", () => this.key && this.explain(information(this.key, this.decoder)));
    zoom.addHandler("tile-load-failed", ({ tile }) => this.explain(tile.getUrl()));
    return zoom;
  }

  /** Beyond two screen pixels to a pixel, pixels are shown as what they are. */
  smoothed() {
    const item = this.zoom.world.getItemAt(0);
    if (!item) return;
    const scale = item.viewportToImageZoom(this.zoom.viewport.getZoom(true));
    this.zoom.drawer.setImageSmoothingEnabled(scale * devicePixelRatio < 2);
  }

  zoomBy(factor) {
    this.zoom?.viewport.zoomBy(factor).applyConstraints();
  }

  pixelByPixel() {
    const item = this.zoom?.world.getItemAt(0);
    if (item) this.zoom.viewport.zoomTo(item.imageToViewportZoom(1 / devicePixelRatio));
  }

  /** Says what the server says where it cannot give something. */
  async explain(url) {
    const { key } = this;
    const response = await fetch(url).catch(() => null);
    if (!response || response.ok || key !== this.key) return;
    this.say((await response.json().catch(() => ({}))).detail);
  }

  say(why) {
    byId("meanwhile").hidden = true;
    byId("why").hidden = false;
    byId("why").replaceChildren(element("p", {}, why ?? "The server could not make this image."));
  }

  turnFacts() {
    const isShown = this.dialog.classList.toggle("bare") === false;
    this.dialog.querySelector(".about").setAttribute("aria-pressed", isShown);
  }

  left() {
    document.documentElement.classList.remove("viewing");
    this.key = null;
    this.zoom?.close();
    this.closed();
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
    const acts = {
      ArrowLeft: () => this.go(-1),
      ArrowRight: () => this.go(1),
      "+": () => this.zoomBy(1.6),
      "=": () => this.zoomBy(1.6),
      "-": () => this.zoomBy(1 / 1.6),
      0: () => this.zoom?.viewport.goHome(),
      1: () => this.pixelByPixel(),
      i: () => this.turnFacts(),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
}

const information = (key, decoder) => `${decoder ? `decoders/${decoder.name}/` : ""}iiif/3/${segment(key)}/info.json`;

/** Loaded when the first image is opened. */
let loading = null;
function openSeadragon() {
  loading ??= new Promise((resolve, reject) => {
    const script = element("script", { src: "page/vendor/openseadragon.min.js" });
    script.onload = () => resolve(window.OpenSeadragon);
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}
