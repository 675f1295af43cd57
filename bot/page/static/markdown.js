// The part of Discord's markdown that bots use, straight to DOM nodes. There is no HTML in between.

import { el } from "./dom.js";

const DEEPEST = 8; // styles inside of each other
const SPECIAL = /[\\`*_~|<[]|https?:\/\//;

const RULES = [
  [/^\\([^\p{L}\p{N}\s])/u, (m) => m[1]],
  [/^``(.+?)``(?!`)|^`([^`]+)`/s, (m) => el("code", {}, m[1] ?? m[2])],
  [/^\*\*(.+?)\*\*(?!\*)/s, (m, into) => el("strong", {}, ...into(m[1]))],
  [/^__(.+?)__(?!_)/s, (m, into) => el("u", {}, ...into(m[1]))],
  [/^\*(?!\s)(.+?)(?<!\s)\*(?!\*)/s, (m, into) => el("em", {}, ...into(m[1]))],
  [/^_(?!_)(.+?)_(?!\w)/s, (m, into) => el("em", {}, ...into(m[1]))],
  [/^~~(.+?)~~/s, (m, into) => el("s", {}, ...into(m[1]))],
  [/^\|\|(.+?)\|\|/s, (m, into) => spoiler(into(m[1]))],
  [/^<t:(-?\d{1,12})(?::([tTdDfFR]))?>/, (m) => moment(Number(m[1]), m[2] ?? "f")],
  [/^<@!?(\d{1,20})>/, (m, _, state) => el("span", { class: "mention" }, `@${state.person(m[1])?.shown ?? "unknown-user"}`)],
  [/^<#(\d{1,20})>/, (m, _, state) => el("span", { class: "mention" }, `#${state.place.channels.find((one) => one.id === m[1])?.name ?? "unknown"}`)],
  [/^<\/([^:>]{1,100}):\d{1,20}>/, (m) => el("button", { type: "button", class: "mention", data: { command: m[1] } }, `/${m[1]}`)],
  [/^\[([^\]]+)\]\(<?(https?:\/\/[^)\s>]+)>?\)/, (m, into) => link(m[2], into(m[1]))],
  [/^https?:\/\/[^\s<>]*[^\s<>.,:;"')\]]/, (m) => link(m[0], [m[0]])],
];

/** A text as nodes. */
export function markdown(text, state) {
  const nodes = [];
  for (const part of text.split(/(```[\s\S]+?```)/)) {
    if (part.startsWith("```") && part.endsWith("```") && part.length > 6) {
      nodes.push(el("pre", {}, el("code", {}, part.slice(3, -3).replace(/^[\w+-]*\n/, "").replace(/\n$/, ""))));
    } else if (part) nodes.push(...blocks(part, state));
  }
  return nodes;
}

function blocks(text, state) {
  const rest = text.match(/^((?:[\s\S]*\n)?)>>> ([\s\S]*)$/);
  if (rest) return [...(rest[1] ? blocks(rest[1], state) : []), el("blockquote", {}, ...inline(rest[2], state))];
  const nodes = [];
  let quoted = [], plain = [];
  const flush = () => {
    if (quoted.length) nodes.push(el("blockquote", {}, ...inline(quoted.join("\n"), state)));
    if (plain.length) nodes.push(...inline(plain.join("\n"), state));
    quoted = [];
    plain = [];
  };
  for (const line of text.split("\n")) {
    const heading = line.match(/^(#{1,3}|-#) (.+)/);
    const item = line.match(/^\s*[-*] (.+)/);
    if (line.startsWith("> ")) {
      if (plain.length) flush();
      quoted.push(line.slice(2));
    } else if (heading || item) {
      flush();
      const looks = heading ? (heading[1] === "-#" ? "subtext" : `heading level${heading[1].length}`) : "item";
      nodes.push(el("div", { class: looks }, ...inline(heading ? heading[2] : item[1], state)));
    } else {
      if (quoted.length) flush();
      plain.push(line);
    }
  }
  flush();
  return nodes;
}

function inline(text, state, depth = 0) {
  const nodes = [];
  let plain = "";
  while (text) {
    const rule = depth < DEEPEST && RULES.find(([pattern]) => pattern.test(text));
    if (rule) {
      if (plain) nodes.push(plain);
      plain = "";
      const match = text.match(rule[0]);
      nodes.push(rule[1](match, (inner) => inline(inner, state, depth + 1), state));
      text = text.slice(match[0].length);
    } else {
      const next = text.slice(1).search(SPECIAL);
      const length = depth < DEEPEST && next >= 0 ? next + 1 : text.length;
      plain += text.slice(0, length);
      text = text.slice(length);
    }
  }
  return plain ? [...nodes, plain] : nodes;
}

function link(address, children) {
  return el("a", { href: address, target: "_blank", rel: "noreferrer noopener" }, ...children);
}

function spoiler(children) {
  const show = () => cover.classList.add("shown");
  const cover = el("button", { type: "button", class: "spoiler", "aria-label": "Spoiler, press to show", on: { click: show } }, ...children);
  return cover;
}

const FORMATS = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};

function moment(seconds, style) {
  const when = new Date(seconds * 1000);
  if (Number.isNaN(when.getTime())) return `<t:${seconds}>`;
  const full = new Intl.DateTimeFormat(undefined, FORMATS.F).format(when);
  const words = style === "R" ? relative(seconds) : new Intl.DateTimeFormat(undefined, FORMATS[style]).format(when);
  return el("time", { datetime: when.toISOString(), title: full, data: style === "R" ? { relative: seconds } : {} }, words);
}

const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** "in 2 minutes", "3 hours ago". */
export function relative(seconds) {
  const away = seconds - Date.now() / 1000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(away) >= length) ?? STEPS.at(-1);
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(away / size), unit);
}
