// The messages of a channel. A message is made once and then kept current part by part, so that what plays goes on playing
// and what has the focus keeps it while the bot edits.

import { announce, avatar, el, icon } from "./dom.js";
import { attachment, components, embed } from "./components.js";
import { markdown } from "./markdown.js";
import { openMenu } from "./popups.js";
import { messageCommands } from "./commands.js";
import { EPHEMERAL, LOADING, VOICE_MESSAGE } from "./state.js";

const TOGETHER = 7 * 60 * 1000; // ms in which messages of one author stand together
const NEAR = 120; // px from the end at which new messages are followed

export class MessageList {
  #list;
  #scroller;
  #latest;
  #state;
  #deeds;
  #views = new Map(); // by message id, of the channel in view

  /** `deeds`: act(message, deed, fields), menu(message, name), dismiss(message), played(message, player). */
  constructor(list, scroller, latest, state, deeds) {
    this.#list = list;
    this.#scroller = scroller;
    this.#latest = latest;
    this.#state = state;
    this.#deeds = deeds;
    latest.addEventListener("click", () => this.#toEnd());
    scroller.addEventListener("scroll", () => this.#atEnd() && (latest.hidden = true));
    list.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#followed && this.#toEnd()).observe(list);
  }

  #followed = true;

  /** Everything of the channel in view, anew. */
  reset() {
    this.#views.clear();
    this.#list.replaceChildren();
    for (const message of this.#state.inChannel(this.#state.channel)) this.#put(message);
    this.#followed = true;
    this.#toEnd();
  }

  /** A message came or was changed. */
  take(message, fresh) {
    if (message.channel_id !== this.#state.channel) return;
    this.#followed = this.#atEnd();
    const before = this.#views.get(message.id);
    const silent = !before || !before.message.attachments.length;
    this.#put(message);
    if (fresh) announce(`${this.#author(message).shown}: ${message.flags & LOADING ? "is thinking" : message.content}`);
    if (silent && message.attachments.length && !fresh) announce("The audio is ready.");
    if (this.#followed) this.#toEnd();
    else if (fresh) this.#latest.hidden = false;
  }

  gone(id) {
    this.#views.get(id)?.element.remove();
    this.#views.delete(id);
  }

  /** A row of the page's own: a command on its way, or why it failed. Returns how to take it away. */
  local(title, words, wrong = false) {
    const row = el("li", { class: `message local ${wrong ? "wrong" : ""}` }, avatar(this.#state.bot), el("div", { class: "body" }, el("div", { class: "used" }, title), el("div", { class: "text" }, words)));
    const drop = () => row.remove();
    if (wrong) row.querySelector(".body").append(this.#private(drop));
    this.#list.append(row);
    this.#toEnd();
    if (wrong) announce(words);
    return drop;
  }

  /** Words under a message whose button failed. */
  failed(message, words) {
    const view = this.#views.get(message.id);
    view?.element.querySelector(".failure")?.remove();
    view?.element.querySelector(".body").append(el("div", { class: "failure", role: "alert" }, words));
  }

  #author(message) {
    return this.#state.person(message.author.id) ?? { shown: message.author.global_name ?? message.author.username };
  }

  #put(message) {
    const known = this.#views.get(message.id);
    if (known) return this.#update(known, message);
    const view = { message, parts: {}, written: {} };
    view.element = this.#frame(message, view);
    this.#views.set(message.id, view);
    const later = this.#list.querySelector(".local");
    this.#list.insertBefore(view.element, later);
    this.#update(view, message);
  }

  #frame(message, view) {
    const person = this.#author(message);
    const before = view.before = [...this.#views.values()].at(-1)?.message;
    const together = before && before.author.id === message.author.id && !message.used && !before.used && !((message.flags | before.flags) & EPHEMERAL)
      && Date.parse(message.timestamp) - Date.parse(before.timestamp) < TOGETHER;
    const when = new Date(message.timestamp);
    const time = el("time", { datetime: message.timestamp, title: when.toLocaleString() }, when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    for (const part of ["content", "embeds", "attachments", "components", "private"]) view.parts[part] = el("div", { class: `part-${part}` });
    const by = message.used && this.#state.person(message.used.by);
    const used = by ? el("div", { class: "used" }, avatar(by, "tiny"), el("b", {}, by.shown), " used ", el("span", { class: "mention" }, message.used.what)) : null;
    const more = el("button", { type: "button", class: "icon-button more", tabindex: "-1", "aria-label": "More: the message's menu", "aria-haspopup": "menu", on: { click: () => this.#menu(view) } }, icon("more"));
    const element = el("li", { class: `message ${together ? "together" : ""}`, tabindex: "-1", data: { message: message.id } }, avatar(person),
      el("div", { class: "body" }, used, el("div", { class: "head" }, el("strong", {}, person.shown), person.bot ? el("span", { class: "badge" }, "APP") : null, time), ...Object.values(view.parts)), more);
    element.addEventListener("contextmenu", (event) => {
      if (event.target.closest("a, input, textarea") || getSelection().toString()) return;
      event.preventDefault();
      this.#menu(view);
    });
    return element;
  }

  #update(view, message) {
    view.message = message;
    const { flags } = message, act = (deed, fields) => this.#deeds.act(view.message, deed, fields);
    view.element.classList.toggle("ephemeral", Boolean(flags & EPHEMERAL));
    view.element.querySelector(".failure")?.remove();
    this.#part(view, "content", [message.content, flags & LOADING], () => flags & LOADING ? [thinking(this.#author(message).shown)] : [el("div", { class: "text" }, ...markdown(message.content, this.#state))]);
    this.#part(view, "embeds", message.embeds, () => message.embeds.map((one) => embed(one, this.#state)));
    const started = this.#part(view, "attachments", message.attachments.map((one) => one.id), () => message.attachments.map((one) => attachment(one, message, Boolean(flags & VOICE_MESSAGE))));
    this.#part(view, "components", message.components, () => components(message.components, message, this.#state, act));
    this.#part(view, "private", flags & EPHEMERAL, () => flags & EPHEMERAL ? [this.#private(() => this.#deeds.dismiss(view.message))] : []);
    const first = view.parts.attachments.querySelector(".player");
    if (started && first) this.#deeds.played(message, first);
  }

  /** Makes a part anew where it has changed; a button in it that had the focus has it again. */
  #part(view, name, data, build) {
    const written = JSON.stringify(data);
    if (view.written[name] === written) return false;
    view.written[name] = written;
    const part = view.parts[name], focused = part.contains(document.activeElement) ? document.activeElement.dataset.id : null;
    part.replaceChildren(...build());
    if (focused !== null) ([...part.querySelectorAll("[data-id]")].find((one) => one.dataset.id === focused) ?? view.element).focus();
    return true;
  }

  #private(dismiss) {
    return el("div", { class: "only-you" }, icon("eye"), "Only you can see this · ", el("button", { type: "button", class: "as-link", on: { click: dismiss } }, "Dismiss message"));
  }

  #menu(view) {
    const apps = messageCommands(this.#state.place, view.message.channel_id).map(({ name, shown }) => ({ label: shown, note: "barkbot", act: () => this.#deeds.menu(view.message, name) }));
    const copy = { label: "Copy text", act: () => navigator.clipboard.writeText(view.message.content).catch(() => announce("The browser did not allow it.")) };
    openMenu(view.element.querySelector(".more"), [copy, ...(apps.length ? [{ title: "Apps" }, ...apps] : [])], { label: "The message's menu" });
  }

  /** Up and down go from message to message; the menu key opens the menu. */
  #key(event) {
    const row = event.target.closest(".message");
    if (event.target !== row) return;
    const rows = [...this.#list.querySelectorAll(".message:not(.local)")], here = rows.indexOf(row);
    const to = { ArrowUp: here - 1, ArrowDown: here + 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to !== undefined) rows[Math.max(0, Math.min(rows.length - 1, to))]?.focus();
    else if (["ContextMenu", "Enter"].includes(event.key) || (event.key === "F10" && event.shiftKey)) this.#menu(this.#views.get(row.dataset.message));
    else return;
    event.preventDefault();
  }

  /** The focus into the messages, at the newest one. */
  enter() {
    [...this.#list.querySelectorAll(".message:not(.local)")].at(-1)?.focus();
  }

  #atEnd() {
    return this.#scroller.scrollHeight - this.#scroller.scrollTop - this.#scroller.clientHeight < NEAR;
  }

  #toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#latest.hidden = true;
  }
}

function thinking(name) {
  return el("div", { class: "thinking" }, el("span", { class: "dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")), `${name} is thinking...`);
}
