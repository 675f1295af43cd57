// The line at the bottom: plain text, or a command with its options as chips. `/` opens the list of what the bot has synced.

import { el, icon } from "./dom.js";
import { matching, slashCommands, STRING } from "./commands.js";
import { OptionChip } from "./options.js";

const HEIGHT = 200; // px the text may grow to

export class Composer {
  command = null;
  #form;
  #note;
  #listbox;
  #state;
  #deeds;
  #chips = [];
  #text;
  #more;

  /** `deeds`: use(command, options, shown), write(text), complete(command, values, focused, typed), upload(file). */
  constructor(form, note, listbox, state, deeds) {
    this.#form = form;
    this.#note = note;
    this.#listbox = listbox;
    this.#state = state;
    this.#deeds = deeds;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    form.addEventListener("keydown", (event) => this.#key(event));
    form.addEventListener("focusout", (event) => {
      if (!form.contains(event.relatedTarget)) listbox.hide();
    });
    this.clear();
  }

  focus() {
    (this.command ? this.#chips.find((chip) => chip.empty) ?? this.#chips[0] : this.#text)?.focus();
  }

  /** Back to plain text, in the channel that is in view now. */
  clear(text = "") {
    this.command = null;
    this.#chips = [];
    this.#listbox.hide();
    this.#tell("");
    const label = `Message ${this.#state.here ? (this.#state.here.type === 1 ? "@" : "#") + this.#state.here.name : ""}`;
    this.#text = el("textarea", { rows: "1", value: text, placeholder: `${label}, or / for commands`, "aria-label": label, role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-haspopup": "listbox", on: { input: () => this.#typed() } });
    this.#form.replaceChildren(this.#text, el("button", { class: "icon-button", "aria-label": "Send" }, icon("send")));
    if (text) this.#typed();
  }

  /** Begins a command, as if it had been picked from the list. */
  begin(command, values = {}) {
    this.command = command;
    this.#tell("");
    this.#more = el("input", { type: "text", class: "more-options", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", on: { focus: () => this.#offerMore(), input: () => this.#offerMore() } });
    const back = el("button", { type: "button", class: "command-name", title: "Press Backspace in an empty field to leave the command", "aria-label": `${command.shown}, leave this command`, on: { click: () => this.#leave() } }, command.shown);
    this.#form.replaceChildren(back, el("div", { class: "chips" }, this.#more), el("button", { class: "icon-button", "aria-label": "Send" }, icon("send")));
    this.#chips = [];
    for (const option of command.options.filter((one) => one.required || one.name in values)) this.#add(option).fill(values[option.name] ?? "");
    if (!this.#chips.length && !this.#rest().length) this.#listbox.tell(command.shown, command.description);
    this.#showRest();
    this.focus();
    if (!this.#chips.length) (this.#rest().length ? this.#more : this.#form.querySelector("button:not([type])")).focus();
  }

  /** Sends what is there; what is wrong is said and gets the focus. */
  async send() {
    if (!this.command) return this.#sendText();
    const { command } = this, options = {}, shown = [];
    for (const chip of this.#chips) {
      const { value, file, problem } = chip.read();
      chip.element.classList.toggle("wrong", Boolean(problem));
      if (problem) {
        chip.focus();
        return this.#tell(`${chip.option.shown}: ${problem}`);
      }
      if (value === undefined && !file) continue;
      options[chip.option.name] = file ? { file } : value;
      shown.push(`${chip.option.shown}: ${file ? file.name : chip.field.value}`);
    }
    this.clear();
    this.focus();
    await this.#deeds.use(command, options, shown.join(" "));
  }

  /** Opens the list of all commands. */
  browse() {
    this.clear("/");
    this.focus();
    this.#typed();
  }

  #sendText() {
    const text = this.#text.value.trim();
    if (!text) return;
    if (text.startsWith("/") && text.length > 1) return this.#tell("Choose a command from the list; there is none like this.");
    this.clear();
    this.focus();
    this.#deeds.write(text);
  }

  #typed() {
    this.#tell("");
    this.#text.style.height = "auto";
    this.#text.style.height = `${Math.min(HEIGHT, this.#text.scrollHeight)}px`;
    const typed = this.#text.value;
    if (!typed.startsWith("/") || typed.includes("\n")) return this.#listbox.hide();
    const all = slashCommands(this.#state.place, this.#state.channel);
    const whole = all.filter(({ shown }) => typed.toLowerCase().startsWith(`${shown.toLowerCase()} `)).sort((a, b) => b.shown.length - a.shown.length)[0];
    if (whole) return this.#begun(whole, typed.slice(whole.shown.length + 1));
    const items = matching(all, typed).map((command) => ({ label: command.shown, note: command.description, hint: "barkbot", value: command }));
    this.#listbox.show(this.#text, items, (item) => this.begin(item.value), { title: typed.length > 1 ? `Commands matching ${typed}` : "barkbot's commands", empty: "No commands match" });
  }

  /** The command was typed to its end; what was typed behind it belongs to the first text. */
  #begun(command, rest) {
    const first = command.options.find((option) => option.required && option.type === STRING);
    this.begin(command, first && rest ? { [first.name]: rest.replace(new RegExp(`^${first.name}:\\s*`), "") } : {});
  }

  #leave() {
    this.clear();
    this.focus();
  }

  #rest() {
    return this.command.options.filter((option) => !this.#chips.some((chip) => chip.option === option));
  }

  #showRest() {
    const rest = this.#rest().length;
    this.#more.hidden = !rest;
    this.#more.value = "";
    this.#more.placeholder = `+ ${rest} more`;
    this.#more.setAttribute("aria-label", `${rest} more options, type to search`);
  }

  #offerMore() {
    const typed = this.#more.value.trim().toLowerCase();
    const items = this.#rest().filter(({ shown }) => shown.toLowerCase().includes(typed)).map((option) => ({ label: option.shown, note: option.about, value: option }));
    const title = `${this.command.shown} · ${this.command.description}`;
    this.#listbox.show(this.#more, items, (item) => this.#add(item.value).focus(), { title, marked: typed !== "", empty: "No options match your search" });
  }

  #add(option) {
    const chip = new OptionChip(option, {
      listbox: this.#listbox,
      state: this.#state,
      complete: (asking, typed) => this.#complete(asking, typed),
      leave: (from) => this.#next(from),
      changed: (from) => this.#changed(from),
    });
    this.#chips.push(chip);
    this.#more.before(chip.element);
    this.#showRest();
    return chip;
  }

  async #complete(chip, typed) {
    const values = {};
    for (const other of this.#chips) {
      const { value } = other === chip ? {} : other.read();
      if (value !== undefined) values[other.option.name] = value;
    }
    const choices = await this.#deeds.complete(this.command, values, chip.option.name, typed);
    return choices?.map(({ name, value }) => ({ label: name, value }));
  }

  /** `voice:` typed at the end of a text opens that option, as in Discord. */
  #changed(chip) {
    this.#tell("");
    chip?.element.classList.remove("wrong");
    if (chip?.option.type !== STRING || chip.listed) return;
    const match = chip.field.value.match(/(?:^|\s)(\S+):$/);
    const option = match && this.#rest().find(({ shown, name }) => [shown, name].includes(match[1]));
    if (!option) return;
    chip.field.value = chip.field.value.slice(0, match.index);
    this.#add(option).focus();
  }

  #next(chip) {
    const following = this.#chips[this.#chips.indexOf(chip) + 1];
    if (following) following.focus();
    else {
      chip.focus();
      this.#listbox.hide();
    }
  }

  #remove(chip) {
    const before = this.#chips[this.#chips.indexOf(chip) - 1];
    this.#chips = this.#chips.filter((one) => one !== chip);
    chip.element.remove();
    this.#showRest();
    before?.focus();
  }

  #key(event) {
    if (event.isComposing) return;
    if (event.key === "Escape" && (this.#listbox.open || this.command)) {
      event.stopPropagation();
      return this.#listbox.open ? this.#listbox.hide() : this.#leave();
    }
    if (this.#listbox.key(event)) return;
    const chip = this.#chips.find((one) => one.field === event.target);
    if (event.key === "Backspace" && chip?.empty) {
      event.preventDefault();
      return chip.option.required ? this.#leave() : this.#remove(chip);
    }
    if (event.key === "Backspace" && event.target === this.#more && !this.#more.value) {
      event.preventDefault();
      const last = this.#chips.at(-1);
      return last ? last.focus() : this.#leave();
    }
    if (event.key === "Enter" && !event.shiftKey && (chip || event.target === this.#text || event.target === this.#more)) {
      event.preventDefault();
      this.send();
    }
  }

  #tell(words) {
    this.#note.textContent = words;
  }
}
