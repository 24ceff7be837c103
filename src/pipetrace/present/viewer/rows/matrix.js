// The confusion matrix: how often each true class was taken for each class. A cell opens the rows behind it.

import { colourOf, inkOn } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { rove, tabStop } from "viewer/explore/rove.js";
import { counted } from "viewer/figures.js";

/** @typedef {import("viewer/rows/outcomes.js").Came} Came */
/** @typedef {import("viewer/rows/results.js").Part} Part */
/** @typedef {import("viewer/rows/results.js").Shared} Shared */

/** Of more classes the most frequent mistakes are listed; on a phone of fewer. */
const MOST_CLASSES = 20;
const MOST_NARROW = 12;
const NARROW = "(max-width: 640px)";
const MOST_MISTAKES = 24;

/**
 * @param {readonly Came[]} came
 * @param {number} classes
 * @returns {number[][]} rows by their true class, then by the predicted one
 */
export function tally(came, classes) {
  const counts = Array.from({ length: classes }, () => new Array(classes).fill(0));
  for (const { label, said } of came) if (counts[label]?.[said] !== undefined) counts[label][said] += 1;
  return counts;
}

/**
 * @param {Shared} shared
 * @returns {Part}
 */
export function matrix({ state, outcomes }) {
  const { names } = outcomes.view;
  const element = h("div", { class: "confusion", style: `--classes: ${names.length}` });
  rove(element, () => {});
  const press = (/** @type {string} */ cell) => () => state.set("cell", state.now.cell === cell ? null : cell);
  const narrow = matchMedia(NARROW);
  const whole = table(names, press);
  return {
    element,
    draw: (came) => {
      const counts = tally(came, names.length);
      if (names.length <= (narrow.matches ? MOST_NARROW : MOST_CLASSES)) {
        if (!whole.parts[0].isConnected || element.firstElementChild !== whole.parts[0]) element.replaceChildren(...whole.parts);
        whole.draw(counts);
      } else element.replaceChildren(...listed(counts, names, press));
      let chosen = null;
      for (const button of element.querySelectorAll("[data-cell]")) {
        const pressed = button.getAttribute("data-cell") === state.now.cell;
        if (button.getAttribute("aria-pressed") !== String(pressed)) button.setAttribute("aria-pressed", String(pressed));
        if (pressed) chosen = button;
      }
      const focused = element.contains(document.activeElement) ? document.activeElement : null;
      tabStop(element, focused ?? chosen);
    },
  };
}

/**
 * @param {readonly string[]} names
 * @returns {number} how long the words are that all of them begin with, as in "class 0" and "class 1"
 */
function commonStart(names) {
  const [first = ""] = names;
  let end = first.lastIndexOf(" ") + 1;
  while (end > 0 && !names.every((name) => name.length > end && name.startsWith(first.slice(0, end)))) end = first.lastIndexOf(" ", end - 2) + 1;
  return names.length > 1 ? end : 0;
}

/**
 * @param {readonly string[]} names
 * @param {(cell: string) => () => void} press
 * @returns {{ parts: HTMLElement[], draw: (counts: number[][]) => void }} made once, as it is drawn for every epoch
 */
function table(names, press) {
  const cells = names.map((_, label) => names.map((_, said) => h("button", { type: "button", "data-cell": `${label}.${said}`, "aria-pressed": "false", onclick: press(`${label}.${said}`) })));
  const totals = names.map(() => h("td", { class: "ofall" }));
  const sum = (/** @type {number[]} */ line) => line.reduce((total, count) => total + count, 0);
  return {
    parts: [
      crossed(names, cells.map((line, label) => [...line.map((button) => h("td", {}, button)), totals[label]])),
      h("p", { class: "muted" }, "Teal: right. Orange: wrong. Darker: more rows. Choose a cell to see its rows."),
    ],
    draw: (counts) => {
      const all = counts.flatMap((line, label) => line.map((count, said) => ({ count, right: label === said })));
      const [mostRight, mostWrong] = [true, false].map((right) => Math.max(1, ...all.filter((cell) => cell.right === right).map(({ count }) => count)));
      cells.forEach((line, label) =>
        line.forEach((button, said) => {
          const count = counts[label][said];
          const colour = label === said ? colourOf(0.8 * count, mostRight, "activation") : colourOf(-count, mostWrong, "signed");
          Object.assign(button.style, { background: `rgb(${colour.join(" ")})`, color: inkOn(colour) });
          button.textContent = count ? counted(count) : "";
          button.setAttribute("aria-label", `truly ${names[label]}, predicted ${names[said]}: ${counted(count)}`);
        }),
      );
      totals.forEach((total, label) => (total.textContent = `${counted(counts[label][label])} of ${counted(sum(counts[label]))} right`));
    },
  };
}

/**
 * @param {readonly string[]} names of the classes
 * @param {HTMLElement[][]} cells a line for each true class, with one for each predicted class and what follows them
 * @returns {HTMLElement}
 */
export function crossed(names, cells) {
  const start = commonStart(names);
  const more = Array.from({ length: cells[0].length - names.length }, () => h("td"));
  return h(
    "table",
    {},
    h("caption", {}, "predicted"),
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "true"), ...names.map((name) => h("th", { scope: "col", title: name }, name.slice(start))), ...more)),
    h("tbody", {}, ...cells.map((line, label) => h("tr", {}, h("th", { scope: "row", title: names[label] }, names[label]), ...line))),
  );
}

/**
 * The most frequent mistakes, where a matrix would be too large.
 *
 * @param {number[][]} counts
 * @param {readonly string[]} names
 * @param {(cell: string) => () => void} press
 * @returns {HTMLElement[]}
 */
function listed(counts, names, press) {
  const all = counts.flatMap((line, label) => line.flatMap((count, said) => (count && label !== said ? [{ label, said, count }] : [])));
  const most = all.sort((one, other) => other.count - one.count).slice(0, MOST_MISTAKES);
  return [
    h("h4", {}, "The most frequent mistakes"),
    h(
      "div",
      { class: "mistakes" },
      ...most.map(({ label, said, count }) =>
        h("button", { type: "button", class: "plain", "data-cell": `${label}.${said}`, "aria-pressed": "false", onclick: press(`${label}.${said}`) }, `${names[label]} → ${names[said]}: ${counted(count)}`),
      ),
    ),
  ];
}
