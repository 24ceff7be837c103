// What every mode has: its head, parts to read, code, tables, and links to places of the page.

import { h } from "viewer/dom.js";
import { explained } from "viewer/words.js";

/** @typedef {import("viewer/document.js").Lesson} Lesson */
/** @typedef {import("viewer/document.js").Part} Part */
/** @typedef {import("viewer/document.js").Place} Place */
/** @typedef {import("viewer/document.js").Table} Table */
/** @typedef {import("viewer/modes/modes.js").Tools} Tools */

const COPIED_MS = 1500;
/** Characters of a cell that is broken into lines, and of one that makes its table a list on a phone. */
const [SHORT, LONG] = [18, 60];

/**
 * A control that copies the link to a place of the page.
 *
 * @param {string} name of the place
 * @param {() => string} address what follows `#` in the link
 * @returns {HTMLElement}
 */
export function linkTo(name, address) {
  const button = h("button", { type: "button", class: "plain copylink", "aria-label": `Copy link to ${name}`, onclick: () => copy(`${location.href.replace(/#.*/s, "")}#${address()}`, button) }, "Copy link");
  return button;
}

/**
 * @param {Lesson} lesson
 * @param {import("viewer/state.js").State} state
 * @returns {HTMLElement}
 */
export function head(lesson, state) {
  return h(
    "div",
    { class: "modehead" },
    linkTo(titled(lesson.mode), () => `mode=${lesson.mode}${state.now.step ? `&step=${state.now.step + 1}` : ""}`),
    h("h1", { id: "mode-title" }, `${titled(lesson.mode)}: ${lesson.about}`, h("small", {}, `about ${lesson.minutes} ${lesson.minutes === 1 ? "minute" : "minutes"} · from this very run`)),
    lesson.intro && h("p", { class: "remark" }, ...explained(lesson.intro)),
  );
}

/**
 * @param {Part[]} all
 * @param {Tools} tools
 * @returns {HTMLElement[]}
 */
export function parts(all, tools) {
  return all.map((part) => {
    const held = [
      ...part.texts.map((text) => h("p", {}, ...explained(text))),
      part.code && code(part.code),
      part.table && table(part.table),
      part.place && seeIt(part.place, tools),
    ];
    if (part.closed) return h("details", { class: "part" }, h("summary", {}, h("h2", {}, part.heading)), ...held);
    return h("section", { class: "part" }, h("h2", {}, part.heading), ...held);
  });
}

/**
 * @param {Place} place
 * @param {Tools} tools
 * @param {string} [words]
 * @returns {HTMLElement}
 */
export function seeIt(place, tools, words = `See it: ${place.text}`) {
  return h("button", { type: "button", class: "plain see", onclick: () => tools.look(place) }, words);
}

/**
 * @param {string} text
 * @returns {HTMLElement}
 */
export function code(text) {
  const button = h("button", { type: "button", class: "plain copy", onclick: () => copy(text, button) }, "Copy");
  return h("div", { class: "listing" }, h("pre", { tabindex: 0 }, text), button);
}

/**
 * @param {string} text
 * @param {HTMLElement} button says whether it worked
 */
export async function copy(text, button) {
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here";
  }
  setTimeout(() => (button.textContent = words), COPIED_MS);
}

/**
 * @param {Table} view
 * @returns {HTMLElement}
 */
export function table(view) {
  const seen = new Set();
  const told = (/** @type {string} */ text) => explained(text, seen);
  const isProse = view.rows.some((cells) => cells.some((cell) => cell.length > LONG));
  return h(
    "div",
    { class: "wide", tabindex: 0, role: "group", "aria-label": view.caption || view.header.filter(Boolean).join(", ") },
    h(
      "table",
      { class: isProse ? "plaintable prose" : "plaintable" },
      view.caption && h("caption", { class: "muted" }, view.caption),
      view.header.some(Boolean) && h("thead", {}, h("tr", {}, ...view.header.map((name) => h("th", { scope: "col" }, ...told(name))))),
      h("tbody", {}, ...view.rows.map(([name, ...cells]) => h("tr", {}, h("th", { scope: "row" }, ...told(name)), ...cells.map((cell) => h("td", { class: cell.length > SHORT ? null : "short" }, ...told(cell)))))),
    ),
  );
}

/**
 * @param {string} mode
 * @returns {string}
 */
export function titled(mode) {
  return mode[0].toUpperCase() + mode.slice(1);
}
