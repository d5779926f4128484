// The line in which people say what they want to see: its hints, and in words what it could not read.

import { byId, element } from "./element.js";

const PAUSE_MS = 350;
const NAMES = [
  { example: "beach", meaning: "the name holds this" },
  { example: "holiday/", meaning: "all below a folder" },
  { example: "*.jpg", meaning: "a glob over names" },
  { example: "-status:kept", meaning: "a minus: not so" },
];

export class Search {
  /** @param {{fields: object[], orders: object[], changed: (filter: string, order: string) => void}} uses */
  constructor({ fields, orders, changed }) {
    Object.assign(this, { fields, changed, input: byId("filter"), hints: byId("hints"), order: byId("order") });
    this.order.append(...orders.map((one) => element("option", { value: one.name }, one.meaning)));
    const form = byId("search");
    form.addEventListener("submit", (event) => (event.preventDefault(), this.now(), this.input.blur()));
    this.input.addEventListener("input", () => this.typed());
    this.input.addEventListener("focus", () => this.hint());
    this.order.addEventListener("change", () => this.now());
    form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || (this.hints.hidden = true));
    this.hints.addEventListener("mousedown", (event) => event.preventDefault()); // the line keeps the focus
    form.addEventListener("keydown", (event) => this.pressed(event));
    addEventListener("keydown", (event) => this.pressedAnywhere(event));
  }

  set(filter, order) {
    if (this.input.value !== filter) this.input.value = filter;
    this.order.value = order;
    this.input.removeAttribute("aria-invalid");
  }

  /** Shows where a filter could not be read, and lets who pressed Enter go on writing. */
  refuse(error) {
    this.input.setAttribute("aria-invalid", "true");
    const { value } = this.input;
    const fault = error.start === null ? [] : [element("code", {}, value.slice(0, error.start), element("mark", {}, value.slice(error.start, error.stop)), value.slice(error.stop)), " "];
    byId("said").replaceChildren(element("span", { class: "fault" }, ...fault, error.message));
    if (document.activeElement === document.body) this.input.focus();
  }

  typed() {
    clearTimeout(this.pause);
    this.pause = setTimeout(() => this.now(), PAUSE_MS);
    this.hint();
  }

  now() {
    clearTimeout(this.pause);
    this.changed(this.input.value.trim(), this.order.value);
  }

  /** Fields that begin like the last word; all that there is where nothing is written. */
  hint() {
    const { value } = this.input;
    const word = value.split(/\s/).at(-1).replace(/^-/, "").toLowerCase();
    const told = value === "" ? [...NAMES, ...this.fields] : word === "" ? [] : this.fields.filter(({ name }) => name.startsWith(word));
    this.hints.hidden = told.length === 0;
    this.hints.replaceChildren(...told.map((one) => this.offer(one, word)));
  }

  offer({ example, meaning }, word) {
    const taken = () => {
      const end = this.input.value.length;
      this.input.setRangeText(example, end - word.length, end, "end");
      this.input.focus();
      this.typed();
    };
    return element("button", { type: "button", onclick: taken }, element("code", {}, example), element("span", {}, meaning));
  }

  pressed(event) {
    if (event.key === "Escape" && !this.hints.hidden) {
      this.hints.hidden = true;
      event.preventDefault();
    }
    const buttons = [...this.hints.children];
    const at = buttons.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || this.hints.hidden || event.target === this.order) return;
    event.preventDefault();
    (buttons[at + step] ?? this.input).focus();
  }

  pressedAnywhere(event) {
    const isFree = !event.target.closest?.("input, select, textarea, dialog") && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "/" && isFree) {
      event.preventDefault();
      this.input.focus();
      this.input.select();
    }
  }
}
