// Where the parts of the page meet.
//
// wire.js      the WebSocket              state.js      what is known, and settings
// sidebar.js   channels, people, voice    voice.js      the live sound of the voice channel
// messages.js  the list of messages       components.js embeds, buttons, menus in them     markdown.js  player.js
// composer.js  the line at the bottom     commands.js   what the bot has synced            options.js   listbox.js
// popups.js    menus and modals           dom.js        elements, icons, focus

import { Composer } from "./composer.js";
import { firstTry, slashCommands } from "./commands.js";
import { el, icon } from "./dom.js";
import { Hearing } from "./voice.js";
import { Listbox } from "./listbox.js";
import { markdown, relative } from "./markdown.js";
import { MessageList } from "./messages.js";
import { openModal } from "./popups.js";
import { Sidebar } from "./sidebar.js";
import { DM, GROUP, settings, State, THREAD } from "./state.js";
import { Wire } from "./wire.js";

const OTHERS = 3; // further commands shown as hints
const EXAMPLE = "hello"; // what the first hint says

const at = (id) => document.getElementById(id);
const state = new State();
const asked = new Set(); // interactions of this page: their sound plays by itself, it was asked for by a click or a key
let used = false; // whether this person has used a command yet
let settled = false; // whether what was there already has come

const hearing = new Hearing((on) => sidebar.speaking(on));
const wire = new Wire({ event: take, sound: (frame) => hearing.take(frame), opened, lost: () => (at("connection").textContent = "Reconnecting...") });
const list = new MessageList(at("list"), at("messages"), at("latest"), state, { act, menu, dismiss, played });
const composer = new Composer(at("composer"), at("composer-note"), new Listbox(at("popup")), state, {
  use,
  complete,
  write: async (content) => note(await wire.do("write", { channel: state.channel, content })),
});
const sidebar = new Sidebar(state, hearing, { go, become, join, leave, listen });

// -- what comes

function opened() {
  at("connection").textContent = "";
  state.messages.clear();
  state.place = null;
  settled = false;
}

function take(event) {
  if (event.event === "place") placed(event);
  else if (event.event === "message") came(event);
  else if (event.event === "gone") {
    state.messages.delete(event.id);
    list.gone(event.id);
  } else if (event.event === "seen" && !settled) {
    settled = true;
    list.reset();
  }
}

function placed(place) {
  const first = !state.place;
  state.place = place;
  if (!state.here) show(place.channels[0].id);
  else if (first) show(state.channel);
  else refresh();
  if (first) languages();
}

function came({ message, fresh }) {
  state.messages.set(message.id, message);
  if (!settled) return;
  list.take(message, fresh);
  if (fresh && message.channel_id !== state.channel) {
    state.unread.add(message.channel_id);
    sidebar.render();
  }
}

/** Sound that this page has asked for plays by itself; whatever else there is waits for a press. */
function played(message, player) {
  if (settled && asked.delete(message.interaction_metadata?.id)) player.audio.play().catch(() => {}); // the browser may forbid it
}

// -- what a person does

async function use(command, options, words) {
  const channel = state.channel, title = [el("b", {}, state.you.shown), " used ", el("span", { class: "mention" }, command.shown), words ? ` ${words}` : ""];
  const drop = list.local(el("span", {}, ...title), "Sending command...");
  used = true;
  hints();
  const sent = await uploaded(options);
  const answer = sent.error ? sent : await wire.do("use", { channel, path: command.path, options: sent });
  drop();
  if (answer.error) list.local(el("span", {}, ...title.map((part) => part.cloneNode?.(true) ?? part)), answer.error, true);
  follow(answer);
}

async function uploaded(options) {
  const sent = {};
  for (const [name, value] of Object.entries(options)) {
    if (!value.file) sent[name] = value;
    else {
      const answer = await fetch(`/upload?${new URLSearchParams({ name: value.file.name })}`, { method: "POST", body: value.file });
      if (!answer.ok) return { error: "The file could not be uploaded." };
      sent[name] = (await answer.json()).file;
    }
  }
  return sent;
}

async function complete(command, options, focused, typed) {
  const answer = await wire.do("complete", { channel: state.channel, path: command.path, options, focused, typed });
  return answer.choices;
}

async function act(message, deed, fields) {
  const answer = await wire.do(deed, { message: message.id, ...fields });
  if (answer.error) list.failed(message, answer.error);
  follow(answer);
}

async function menu(message, name) {
  const answer = await wire.do("menu", { message: message.id, name });
  if (answer.error) list.failed(message, answer.error);
  follow(answer);
}

/** What an answer of the bot may bring along: a modal, and that its sound is ours. */
function follow(answer) {
  if (answer.interaction) asked.add(answer.interaction);
  if (!answer.modal) return;
  const submit = async (values) => {
    const result = await wire.do("submit", { modal: answer.modal.number, values });
    follow(result);
    return result.error;
  };
  openModal(at("dialog"), answer.modal, submit, state, markdown);
}

function dismiss(message) {
  state.dismissed.add(message.id);
  list.gone(message.id);
  composer.focus();
}

function note(answer) {
  at("composer-note").textContent = answer.error ?? "";
}

async function join(channel) {
  await hearing.start(); // first: browsers want the click to be near
  note(await wire.do("join", { channel }));
  sidebar.render();
}

async function leave() {
  hearing.stop();
  note(await wire.do("leave"));
}

async function listen() {
  if (hearing.on) hearing.stop();
  else await hearing.start();
  sidebar.render();
}

function become(name) {
  settings.set("you", name);
  hearing.stop();
  used = false;
  wire.open(name, settings.get("locale", "en-US"));
}

function go(channel) {
  show(channel);
  sidebarOpen(false);
  composer.focus();
}

// -- what is seen

function show(channel) {
  state.channel = channel;
  state.unread.delete(channel);
  composer.clear();
  list.reset();
  refresh();
}

function refresh() {
  const { here, place } = state;
  sidebar.render();
  hints();
  const name = `${{ [DM]: "@", [GROUP]: "", [THREAD]: "" }[here.type] ?? "#"}${here.name}`;
  const parent = place.channels.find((one) => one.id === here.parent);
  const topic = { [DM]: "Between you and barkbot", [THREAD]: `A thread in #${parent?.name}`, [GROUP]: "Among people: barkbot is no member, whoever has installed it can use it" }[here.type] ?? "Everybody here sees what you ask for";
  at("channel-name").textContent = name;
  at("channel-topic").textContent = topic;
  at("welcome").replaceChildren(el("img", { src: "/static/mark.svg", alt: "", width: "56", height: "56" }), el("h2", {}, `Welcome to ${name}`),
    el("p", {}, "This Discord exists on your machine alone. The bot in it is the real one, and it really speaks. Type / to see what it can do."));
  document.title = `${name} · barkbot demo`;
}

function hints() {
  const commands = slashCommands(state.place, state.channel), first = firstTry(commands);
  const chip = (words, act, look = "") => el("button", { type: "button", class: `hint-chip ${look}`, on: { click: act } }, words);
  const chips = [];
  if (first && !used) {
    const option = first.options.find((one) => one.required);
    const say = () => use(first, { [option.name]: EXAMPLE }, `${option.shown}: ${EXAMPLE}`);
    chips.push(chip(`Try: ${first.shown} ${EXAMPLE}`, () => (say(), composer.focus()), "first"));
  } else if (used) chips.push(...commands.slice(0, OTHERS).map((command) => chip(command.shown, () => composer.begin(command))));
  if (commands.length) chips.push(chip(commands.length === 1 ? "See the command" : `All ${commands.length} commands`, () => composer.browse(), "quiet"));
  at("hints").replaceChildren(...chips);
}

function languages() {
  const locales = new Set(["en-US", state.place.locale]);
  for (const command of state.place.commands) for (const locale of Object.keys(command.description_localizations ?? {})) locales.add(locale);
  const name = (locale) => new Intl.DisplayNames([locale], { type: "language" }).of(locale);
  at("language").replaceChildren(...[...locales].sort().map((locale) => el("option", { value: locale, selected: locale === state.place.locale }, name(locale))));
}

function theme(next = settings.get("theme", "")) {
  const dark = next ? next === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  if (next) document.documentElement.dataset.theme = next;
  at("theme").replaceChildren(icon(dark ? "sun" : "moon"));
  at("theme").setAttribute("aria-label", dark ? "To the light theme" : "To the dark theme");
  at("theme").dataset.next = dark ? "light" : "dark";
  for (const canvas of document.querySelectorAll("canvas")) canvas.dispatchEvent(new Event("colours"));
}

function sidebarOpen(open) {
  document.body.classList.toggle("sidebar-open", open);
  at("open-sidebar").setAttribute("aria-expanded", String(open));
}

function keys(event) {
  const busy = event.target.closest("input, textarea, select, dialog, .menu");
  if (event.key === "Escape") sidebarOpen(false);
  if (event.key === "ArrowUp" && event.target.matches("#composer textarea, #messages") && !event.target.value) {
    event.preventDefault();
    list.enter();
  }
  if (!busy && event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey) composer.focus(); // what is typed, is typed there
}

at("theme").addEventListener("click", ({ currentTarget }) => {
  settings.set("theme", currentTarget.dataset.next);
  theme();
});
at("language").addEventListener("change", ({ target }) => {
  settings.set("locale", target.value);
  become(settings.get("you", "alice"));
});
at("open-sidebar").append(icon("menu"));
at("open-sidebar").addEventListener("click", () => sidebarOpen(!document.body.classList.contains("sidebar-open")));
at("shade").addEventListener("click", () => sidebarOpen(false));
at("list").addEventListener("click", ({ target }) => {
  const wanted = target.closest("[data-command]")?.dataset.command;
  const command = wanted && slashCommands(state.place, state.channel).find(({ path }) => path.join(" ") === wanted);
  if (command) composer.begin(command);
});
document.addEventListener("keydown", keys);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => theme());
setInterval(() => document.querySelectorAll("[data-relative]").forEach((time) => (time.textContent = relative(time.dataset.relative))), 10000);
theme();
wire.open(settings.get("you", "alice"), settings.get("locale", "en-US"));
composer.focus();
