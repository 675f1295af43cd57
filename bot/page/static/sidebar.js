// The left side: channels, who one is, the voice channel and what comes out of it.

import { avatar, el, icon, roving } from "./dom.js";
import { DM, GROUP, TEXT, THREAD, VOICE } from "./state.js";

const SIGNS = { [TEXT]: "hash", [DM]: "at", [GROUP]: "people", [THREAD]: "thread", [VOICE]: "speaker" };

export class Sidebar {
  #channels = document.getElementById("channels");
  #people = document.getElementById("people");
  #panel = document.getElementById("voice-panel");
  #state;
  #hearing;
  #deeds;

  /** `deeds`: go(channel id), become(name), join(channel id), leave(), listen(). */
  constructor(state, hearing, deeds) {
    this.#state = state;
    this.#hearing = hearing;
    this.#deeds = deeds;
    roving(this.#channels, ".channel");
  }

  render() {
    const focused = document.activeElement?.dataset?.channel;
    const { channels } = this.#state.place;
    const threads = (parent) => channels.filter((one) => one.type === THREAD && one.parent === parent.id);
    const group = (title, ...types) => [el("h2", {}, title), ...channels.filter((one) => types.includes(one.type)).flatMap((one) => [one, ...threads(one)]).map((one) => this.#channel(one))];
    this.#channels.replaceChildren(...group("Text channels", TEXT), ...group("Direct messages", DM, GROUP), ...group("Voice channels", VOICE));
    if (focused) this.#channels.querySelector(`[data-channel="${focused}"]`)?.focus();
    if (this.#people.children.length === 1) this.#people.append(...this.#state.place.people.filter((person) => !person.bot).map((person) => this.#person(person)));
    this.#renderPanel();
  }

  /** The ring around the bot while it speaks. */
  speaking(on) {
    this.#channels.querySelectorAll(".inside.bot").forEach((row) => row.classList.toggle("speaking", on));
    this.#panel.dataset.heard = this.#hearing.heard;
  }

  #channel(channel) {
    const here = channel.id === this.#state.channel, voice = channel.type === VOICE;
    const press = () => (voice ? this.#state.room?.id !== channel.id && this.#deeds.join(channel.id) : this.#deeds.go(channel.id));
    const looks = ["channel", here ? "here" : "", channel.type === THREAD ? "nested" : "", this.#state.unread.has(channel.id) ? "unread" : ""];
    const hint = voice ? `Join ${channel.name}` : null;
    const button = el("button", { type: "button", class: looks.join(" "), tabindex: here ? "0" : "-1", title: hint, "aria-label": voice ? `Voice channel ${channel.name}` : null, "aria-current": here ? "page" : null, data: { channel: channel.id }, on: { click: press } },
      icon(SIGNS[channel.type]), el("span", {}, channel.name), voice && this.#state.room?.id !== channel.id ? el("span", { class: "join" }, "Join") : null);
    const status = channel.status ? [el("div", { class: "channel-status" }, channel.status)] : [];
    const inside = channel.inside.map((id) => this.#state.person(id)).filter(Boolean).map((person) => el("li", { class: `inside ${person.bot ? "bot" : ""}` }, avatar(person, "small"), person.shown));
    return el("div", {}, button, ...status, inside.length ? el("ul", { "aria-label": `In ${channel.name}` }, ...inside) : "");
  }

  #person(person) {
    const chosen = person.id === this.#state.place.you;
    return el("label", { class: "person" }, el("input", { type: "radio", name: "you", value: person.name, checked: chosen, on: { change: () => this.#deeds.become(person.name) } }),
      avatar(person, "small"), el("span", {}, person.shown), person.moderator ? el("span", { class: "badge quiet" }, "MOD") : null);
  }

  #renderPanel() {
    const { room } = this.#state;
    this.#panel.hidden = !room;
    if (!room) return;
    const { on, possible } = this.#hearing;
    const words = !possible ? "This browser cannot decode live Opus" : on ? "You hear the decrypted stream" : "Silent: press the speaker to listen";
    const listen = el("button", { type: "button", class: "icon-button", disabled: !possible, "aria-pressed": String(on), "aria-label": "Listen", on: { click: () => this.#deeds.listen() } }, icon(on ? "speaker" : "muted"));
    const leave = el("button", { type: "button", class: "icon-button danger", "aria-label": "Leave the voice channel", on: { click: () => this.#deeds.leave() } }, icon("leave"));
    this.#panel.replaceChildren(el("div", {}, el("strong", {}, "Voice connected"), el("span", {}, `${room.name} · ${words}`)), listen, leave);
  }
}
