// One option of a command in the composer: a labelled chip with a field of the option's type.

import { el } from "./dom.js";
import { size } from "./player.js";
import { VOICE, DM } from "./state.js";

export const INTEGER = 4, BOOLEAN = 5, USER = 6, CHANNEL = 7, NUMBER = 10, ATTACHMENT = 11;
const TYPING = 120; // ms after the last key before the bot is asked

let serial = 0;

export class OptionChip {
  #form;
  #chosen = null; // {label, value} from a list
  #asked = 0;
  #timer = 0;

  /** `form`: {listbox, state, complete(chip, typed), leave(chip), changed()}. */
  constructor(option, form) {
    this.option = option;
    this.#form = form;
    const id = `option-${++serial}`;
    this.field = option.type === ATTACHMENT ? this.#picker(id) : this.#box(id);
    this.element = el("div", { class: `chip ${option.type === ATTACHMENT ? "with-file" : ""}`, data: { option: option.name } },
      el("label", { for: id }, option.shown), this.field, option.type === ATTACHMENT ? this.#name : null);
  }

  get listed() {
    return this.option.autocomplete || this.option.choices || [BOOLEAN, USER, CHANNEL].includes(this.option.type);
  }

  get empty() {
    return this.option.type === ATTACHMENT ? !this.field.files.length : this.field.value === "";
  }

  focus() {
    this.field.focus();
  }

  fill(text) {
    this.field.value = text;
    this.#chosen = null;
  }

  /** {value} to be sent, {problem} in Discord's words, or {} where nothing is given. */
  read() {
    const { option } = this, text = this.field.value;
    if (this.empty) return option.required ? { problem: "This option is required. Specify a value." } : {};
    if (option.type === ATTACHMENT) return this.#file();
    if (this.#chosen?.label === text) return { value: this.#chosen.value };
    if (option.choices || [BOOLEAN, USER, CHANNEL].includes(option.type)) return this.#fromList(text);
    if (option.type === INTEGER || option.type === NUMBER) return this.#figure(text);
    if (option.min_length > text.length) return { problem: `At least ${option.min_length} characters.` };
    if (option.max_length < text.length) return { problem: `At most ${option.max_length} characters; this has ${text.length}.` };
    return { value: text };
  }

  /** Opens the list of this option, or tells about it. */
  async suggest() {
    if (document.activeElement !== this.field) return; // sent, or left, meanwhile
    const { option } = this, { listbox } = this.#form;
    const title = `${option.shown}${option.required ? "" : " (optional)"} · ${option.about}`;
    if (!this.listed) return listbox.tell(option.shown, option.about);
    const typed = this.#chosen?.label === this.field.value ? "" : this.field.value;
    const number = ++this.#asked;
    const items = option.autocomplete ? await this.#form.complete(this, this.field.value) : this.#known().filter(({ label }) => label.toLowerCase().includes(typed.toLowerCase()));
    if (number !== this.#asked || document.activeElement !== this.field) return; // an older answer, or the person went on
    const marked = !option.autocomplete || typed !== "";
    listbox.show(this.field, items ?? [], (item) => this.#take(item), { title, marked, empty: items ? "No options match your search" : "Loading options failed" });
  }

  #take(item) {
    this.field.value = item.label;
    this.#chosen = item;
    this.#form.changed();
    this.#form.leave(this);
  }

  #known() {
    const { option } = this, { place } = this.#form.state;
    if (option.choices) return option.choices;
    if (option.type === BOOLEAN) return [{ label: "True", value: true }, { label: "False", value: false }];
    if (option.type === USER) return place.people.map((person) => ({ label: person.shown, value: person.id }));
    const allowed = (channel) => channel.type !== DM && (!option.channel_types || option.channel_types.includes(channel.type));
    return place.channels.filter(allowed).map((channel) => ({ label: `${channel.type === VOICE ? "" : "#"}${channel.name}`, value: channel.id }));
  }

  #fromList(text) {
    const found = this.#known().find(({ label }) => label.toLowerCase() === text.trim().toLowerCase());
    return found ? { value: found.value } : { problem: "Choose one from the list." };
  }

  #figure(text) {
    const { option } = this, value = Number(text);
    if (!text.trim() || !Number.isFinite(value)) return { problem: "Input a valid number." };
    if (option.type === INTEGER && !Number.isSafeInteger(value)) return { problem: "Input a valid integer." };
    if (value < option.min_value) return { problem: `Input a number greater than or equal to ${option.min_value}.` };
    if (value > option.max_value) return { problem: `Input a number less than or equal to ${option.max_value}.` };
    return { value };
  }

  #file() {
    const [file] = this.field.files, most = this.#form.state.place.upload_limit;
    return file.size > most ? { problem: `The file is larger than ${size(most)}.` } : { file };
  }

  #box(id) {
    const { option } = this;
    const attributes = { id, type: "text", "aria-required": option.required ? "true" : undefined, "aria-describedby": "composer-note", spellcheck: "false" };
    if (this.listed) Object.assign(attributes, { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false" });
    if ([INTEGER, NUMBER].includes(option.type)) attributes.inputmode = option.type === INTEGER ? "numeric" : "decimal";
    const typed = () => {
      this.#form.changed(this);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.suggest(), option.autocomplete ? TYPING : 0);
    };
    return el("input", { ...attributes, on: { input: typed, focus: () => this.suggest() } });
  }

  #name = el("span", { class: "file-chosen" }, "choose a file");

  #picker(id) {
    const told = () => {
      this.#name.textContent = this.field.files[0]?.name ?? "choose a file";
      this.#form.changed(this);
    };
    return el("input", { id, type: "file", on: { change: told, focus: () => this.suggest() } });
  }
}
