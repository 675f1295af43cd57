// What opens over the page: menus of a message, select menus, modals.

import { el, icon } from "./dom.js";

/** A menu at an element. `items`: {label, note, danger, checked, act}; `multiple`: {least, most, done(values)} keeps it open. */
export function openMenu(anchor, items, { label, multiple = null } = {}) {
  document.querySelector(".menu")?.close();
  const box = el("div", { class: "menu", role: "menu", "aria-label": label });
  const role = multiple ? "menuitemcheckbox" : "menuitem";
  const row = (item) => el("button", { type: "button", role, class: item.danger ? "danger" : "", tabindex: "-1", "aria-checked": multiple ? String(Boolean(item.checked)) : undefined, on: { click: () => pick(item) } },
    el("span", { class: "label" }, item.label), item.note ? el("span", { class: "note" }, item.note) : null);
  const pick = (item) => {
    if (!multiple) return box.close(), item.act();
    const checked = !item.checked;
    if (multiple.most === 1) for (const other of items) other.checked = false;
    item.checked = checked;
    box.querySelectorAll("[role=menuitemcheckbox]").forEach((row, index) => row.setAttribute("aria-checked", String(Boolean(items[index].checked))));
  };
  box.close = () => {
    box.remove();
    document.removeEventListener("pointerdown", outside, true);
    if (document.activeElement === document.body) anchor.focus();
  };
  const outside = (event) => box.contains(event.target) || box.close();
  box.append(...items.map((item) => (item.title ? el("div", { class: "menu-title", role: "presentation" }, item.title) : row(item))));
  if (multiple) {
    const chosen = () => items.filter((item) => item.checked).map((item) => item.value);
    const done = () => chosen().length >= multiple.least && chosen().length <= multiple.most && (box.close(), multiple.done(chosen()));
    box.append(el("button", { type: "button", class: "button primary", role: "menuitem", tabindex: "-1", on: { click: done } }, "Done"));
  }
  box.addEventListener("keydown", (event) => menuKey(event, box));
  document.addEventListener("pointerdown", outside, true);
  document.body.append(box);
  place(box, anchor);
  box.querySelector("button")?.focus();
}

function menuKey(event, box) {
  const buttons = [...box.querySelectorAll("button")], here = buttons.indexOf(document.activeElement);
  const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 }[event.key];
  if (to !== undefined) buttons.at(to % buttons.length).focus();
  else if (event.key === "Escape" || event.key === "Tab") {
    document.activeElement.blur();
    box.close();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function place(box, anchor) {
  const where = anchor.getBoundingClientRect(), own = box.getBoundingClientRect();
  const below = where.bottom + own.height + 8 < innerHeight;
  box.style.left = `${Math.max(8, Math.min(where.left, innerWidth - own.width - 8))}px`;
  box.style.top = `${Math.max(8, below ? where.bottom + 4 : where.top - own.height - 4)}px`;
}

const ROW = 1, SELECT = 3, TEXT = 4, TEXT_DISPLAY = 10, LABEL = 18;
const PARAGRAPH = 2;

/** A modal of the bot. `submit(values)` gives an error in words, or nothing; the dialog traps the focus and closes on Escape. */
export function openModal(dialog, modal, submit, state, render) {
  const fields = modal.components.flatMap((component) => formField(component, state, render));
  const note = el("p", { class: "problem", role: "alert" });
  const close = el("button", { type: "button", class: "icon-button", "aria-label": "Close", on: { click: () => dialog.close() } }, icon("close"));
  const send = el("button", { class: "button primary" }, "Submit");
  const form = el("form", { novalidate: false }, el("header", {}, el("h2", { id: "dialog-title" }, modal.title), close), ...fields, note,
    el("footer", {}, el("button", { type: "button", class: "button", on: { click: () => dialog.close() } }, "Cancel"), send));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    const error = await submit(values(form));
    send.disabled = false;
    if (error) note.textContent = error;
    else dialog.close();
  });
  dialog.replaceChildren(form);
  dialog.showModal();
  form.querySelector("input, textarea, select")?.focus();
}

function formField(component, state, render) {
  if (component.type === ROW) return component.components.flatMap((inner) => formField(inner, state, render));
  if (component.type === TEXT_DISPLAY) return [el("div", { class: "form-text" }, ...render(component.content, state))];
  const inner = component.type === LABEL ? component.component : component;
  const input = { [TEXT]: textInput, [SELECT]: selectInput }[inner.type]?.(inner);
  if (!input) return [el("p", { class: "form-text" }, "This page cannot show this kind of field.")];
  const required = inner.required ?? true;
  const hint = component.type === LABEL && component.description ? el("span", { class: "form-hint" }, component.description) : null;
  return [el("label", { class: "form-field" }, el("span", { class: "form-label" }, component.label ?? inner.label ?? "", required ? el("span", { class: "star", "aria-hidden": "true" }, " *") : null), hint, input)];
}

function textInput(field) {
  const attributes = { name: field.custom_id, required: field.required ?? true, minlength: field.min_length, maxlength: field.max_length ?? 4000, placeholder: field.placeholder, value: field.value ?? "" };
  return field.style === PARAGRAPH ? el("textarea", { ...attributes, rows: "5" }) : el("input", { ...attributes, type: "text" });
}

function selectInput(field) {
  const many = (field.max_values ?? 1) > 1;
  const options = field.options.map((option) => el("option", { value: option.value, selected: option.default ?? false }, option.label));
  if (!many && !field.options.some((option) => option.default)) options.unshift(el("option", { value: "" }, field.placeholder ?? "Make a selection"));
  return el("select", { name: field.custom_id, multiple: many, required: field.required ?? true, data: { select: "" } }, ...options);
}

function values(form) {
  const found = {};
  for (const field of form.querySelectorAll("[name]")) {
    found[field.name] = "select" in field.dataset ? [...field.selectedOptions].map((option) => option.value).filter(Boolean) : field.value;
  }
  return found;
}
