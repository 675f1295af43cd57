// What a bot can put into a message beside text: embeds, rows of buttons, select menus, and the newer containers.

import { el, icon } from "./dom.js";
import { markdown } from "./markdown.js";
import { openMenu } from "./popups.js";
import { player } from "./player.js";
import { DM } from "./state.js";

const ROW = 1, BUTTON = 2, SELECT = 3, USERS = 5, ROLES = 6, MENTIONABLES = 7, CHANNELS = 8, SECTION = 9, TEXT_DISPLAY = 10, FILE = 13, SEPARATOR = 14, CONTAINER = 17;
const STYLES = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link" };

/** Components as elements. `act(deed, fields)` does what a press means. */
export function components(list, message, state, act) {
  return list.map((component) => one(component, message, state, act)).filter(Boolean);
}

function one(component, message, state, act) {
  const inside = () => components(component.components ?? [], message, state, act);
  switch (component.type) {
    case ROW: return el("div", { class: "components" }, ...inside());
    case BUTTON: return button(component, act);
    case SELECT: return select(component, component.options, act);
    case USERS: case ROLES: case MENTIONABLES: case CHANNELS: return select(component, known(component, state.place), act);
    case TEXT_DISPLAY: return el("div", { class: "text" }, ...markdown(component.content, state));
    case SEPARATOR: return el("hr", {});
    case SECTION: return el("div", { class: "section" }, el("div", {}, ...inside()), one(component.accessory, message, state, act));
    case FILE: {
      const name = component.file?.url?.replace("attachment://", "");
      const file = message.attachments.find((attachment) => attachment.filename === name);
      return file ? attachment(file, message) : null;
    }
    case CONTAINER: {
      const box = el("div", { class: "embed" }, ...inside());
      if (component.accent_color != null) box.style.setProperty("--accent-line", colour(component.accent_color));
      return box;
    }
    default: return null;
  }
}

function button(component, act) {
  const label = [component.emoji?.name, component.label].filter(Boolean).join(" ");
  const look = `button ${STYLES[component.style] ?? "secondary"}`;
  if (component.url) return el("a", { class: look, href: /^https?:/.test(component.url) ? component.url : "#", target: "_blank", rel: "noreferrer noopener" }, label);
  const press = async ({ currentTarget }) => {
    currentTarget.setAttribute("aria-busy", "true");
    await act("press", { custom_id: component.custom_id });
    currentTarget.removeAttribute("aria-busy");
  };
  return el("button", { type: "button", class: look, disabled: component.disabled, data: { id: component.custom_id }, on: { click: press } }, label);
}

/** The options of a menu that Discord itself fills. */
function known(component, place) {
  const chosen = new Set((component.default_values ?? []).map((one) => one.id));
  const allowed = (channel) => !component.channel_types?.length || component.channel_types.includes(channel.type);
  const lists = {
    [USERS]: [place.people], [ROLES]: [place.roles], [MENTIONABLES]: [place.people, place.roles],
    [CHANNELS]: [place.channels.filter((channel) => channel.type !== DM && allowed(channel))],
  }[component.type];
  return lists.flat().map((one) => ({ label: one.shown ?? one.name, value: one.id, default: chosen.has(one.id) }));
}

function select(component, options, act) {
  const chosen = options.filter((option) => option.default).map((option) => option.label);
  const least = component.min_values ?? 1, most = component.max_values ?? 1;
  const send = (values) => act("choose", { custom_id: component.custom_id, values });
  const open = ({ currentTarget }) => {
    const items = options.map((option) => ({ label: [option.emoji?.name, option.label].filter(Boolean).join(" "), note: option.description, value: option.value, checked: option.default, act: () => send([option.value]) }));
    openMenu(currentTarget, items, { label: component.placeholder ?? "Make a selection", multiple: most > 1 || least === 0 ? { least, most, done: send } : null });
  };
  return el("button", { type: "button", class: "select", disabled: component.disabled, "aria-haspopup": "menu", data: { id: component.custom_id }, on: { click: open } },
    el("span", {}, chosen.join(", ") || component.placeholder || "Make a selection"), icon("down"));
}

const colour = (number) => `#${number.toString(16).padStart(6, "0")}`;

/** An embed. Pictures from elsewhere are named and not loaded: the page makes no request to the outside. */
export function embed(data, state) {
  const title = data.title ? el("strong", { class: "embed-title" }, ...(data.url ? markdown(`[${data.title.replace(/[[\]]/g, "\\$&")}](${data.url})`, state) : markdown(data.title, state))) : null;
  const fields = (data.fields ?? []).map((field) => el("div", { class: field.inline ? "field inline" : "field" }, el("strong", {}, ...markdown(field.name, state)), el("div", {}, ...markdown(field.value, state))));
  const box = el("div", { class: "embed" }, data.author?.name ? el("div", { class: "embed-author" }, data.author.name) : null, title,
    data.description ? el("div", { class: "text" }, ...markdown(data.description, state)) : null,
    fields.length ? el("div", { class: "fields" }, ...fields) : null, data.footer?.text ? el("div", { class: "embed-footer" }, data.footer.text) : null);
  if (data.color != null) box.style.setProperty("--accent-line", colour(data.color));
  return box;
}

/** A file of a message. */
export function attachment(file, message, bubble = false) {
  if (file.content_type?.startsWith("audio/")) return player(file, { bubble });
  if (/^image\/(png|jpeg|gif|webp)$/.test(file.content_type ?? "")) return el("img", { class: "picture", src: file.url, alt: file.description ?? file.filename });
  return el("a", { class: "file", href: file.url, download: file.filename }, icon("file"), file.filename);
}
