// The list over the composer: the focus stays in the field, the arrow keys move a mark (WAI-ARIA combobox pattern).

import { el } from "./dom.js";

let serial = 0;

export class Listbox {
  #host;
  #input = null;
  #items = [];
  #mark = -1;
  #pick = null;

  constructor(host) {
    this.#host = host;
    host.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  }

  get open() {
    return !this.#host.hidden;
  }

  get marked() {
    return this.#items[this.#mark];
  }

  /** `items`: {label, note, hint, value}. `marked` false: none is chosen until an arrow key says so. */
  show(input, items, pick, { title = "", marked = true, empty = "" } = {}) {
    this.hide();
    if (!items.length && !empty) return;
    this.#input = input;
    this.#items = items;
    this.#pick = pick;
    const id = `list-${++serial}`;
    const rows = items.map((item, index) => el("div", { class: "option", role: "option", id: `${id}-${index}`, "aria-selected": "false", on: { click: () => this.#choose(index), mousemove: () => this.#move(index, false) } },
      el("span", { class: "label" }, item.label), item.note ? el("span", { class: "note" }, item.note) : null, item.hint ? el("span", { class: "hint" }, item.hint) : null));
    const list = el("div", { role: "listbox", id, "aria-label": title || "Suggestions" }, ...rows);
    this.#host.replaceChildren(title ? el("div", { class: "popup-title" }, title) : "", items.length ? list : el("p", { class: "empty" }, empty));
    this.#host.hidden = false;
    input.setAttribute("aria-expanded", "true");
    input.setAttribute("aria-controls", id);
    this.#mark = -1;
    if (marked && items.length) this.#move(0);
  }

  /** Words instead of a list. */
  tell(title, words) {
    this.hide();
    this.#host.replaceChildren(el("div", { class: "popup-title" }, title), words ? el("p", { class: "about" }, words) : "");
    this.#host.hidden = false;
  }

  hide() {
    this.#host.hidden = true;
    this.#host.replaceChildren();
    this.#input?.setAttribute("aria-expanded", "false");
    this.#input?.removeAttribute("aria-activedescendant");
    this.#input?.removeAttribute("aria-controls");
    this.#items = [];
    this.#mark = -1;
    this.#input = null;
  }

  /** Whether the key was for the list. */
  key(event) {
    if (!this.open || !this.#items.length) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      const from = this.#mark < 0 && step < 0 ? 0 : this.#mark;
      this.#move((from + step + this.#items.length) % this.#items.length);
    } else if ((event.key === "Enter" || event.key === "Tab") && this.#mark >= 0 && !event.shiftKey) {
      this.#choose(this.#mark);
    } else return false;
    event.preventDefault();
    return true;
  }

  #move(index, scroll = true) {
    const rows = this.#host.querySelectorAll(".option");
    rows[this.#mark]?.setAttribute("aria-selected", "false");
    this.#mark = index;
    rows[index].setAttribute("aria-selected", "true");
    if (scroll) rows[index].scrollIntoView({ block: "nearest" });
    this.#input.setAttribute("aria-activedescendant", rows[index].id);
  }

  #choose(index) {
    const item = this.#items[index], pick = this.#pick;
    this.hide();
    pick(item);
  }
}
