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
  const names = outcomes.view.names;
  const element = h("div", { class: "confusion", style: `--classes: ${names.length}` });
  rove(element, () => {});
  const press = (/** @type {string} */ cell) => () => state.set("cell", state.now.cell === cell ? null : cell);
  return {
    element,
    draw: (came) => {
      const counts = tally(came, names.length);
      const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-cell") : null;
      element.replaceChildren(...(names.length > (matchMedia(NARROW).matches ? MOST_NARROW : MOST_CLASSES) ? listed(counts, names, press) : table(counts, names, press)));
      const chosen = element.querySelector(`[data-cell="${state.now.cell}"]`);
      chosen?.setAttribute("aria-pressed", "true");
      const again = focused ? element.querySelector(`[data-cell="${focused}"]`) : null;
      tabStop(element, again ?? chosen);
      if (again instanceof HTMLElement) again.focus({ preventScroll: true });
    },
  };
}

/**
 * @param {number[][]} counts
 * @param {readonly string[]} names
 * @param {(cell: string) => () => void} press
 * @returns {HTMLElement[]}
 */
function table(counts, names, press) {
  const all = counts.flatMap((line, label) => line.map((count, said) => ({ count, right: label === said })));
  const [mostRight, mostWrong] = [true, false].map((right) => Math.max(1, ...all.filter((cell) => cell.right === right).map(({ count }) => count)));
  const cell = (/** @type {number} */ label, /** @type {number} */ said, /** @type {number} */ count) => {
    const right = label === said;
    const colour = right ? colourOf(0.8 * count, mostRight, "activation") : colourOf(-count, mostWrong, "signed");
    return h(
      "td",
      {},
      h(
        "button",
        {
          type: "button",
          "data-cell": `${label}.${said}`,
          "aria-pressed": "false",
          "aria-label": `truly ${names[label]}, predicted ${names[said]}: ${counted(count)}`,
          style: `background: rgb(${colour.join(" ")}); color: ${inkOn(colour)}`,
          onclick: press(`${label}.${said}`),
        },
        count ? counted(count) : "",
      ),
    );
  };
  const sum = (/** @type {number[]} */ line) => line.reduce((total, count) => total + count, 0);
  return [
    h(
      "table",
      {},
      h("caption", {}, "predicted"),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "true"), ...names.map((name) => h("th", { scope: "col", title: name }, name)), h("td"))),
      h(
        "tbody",
        {},
        ...counts.map((line, label) =>
          h("tr", {}, h("th", { scope: "row", title: names[label] }, names[label]), ...line.map((count, said) => cell(label, said, count)), h("td", { class: "ofall" }, `${counted(line[label])} of ${counted(sum(line))} right`)),
        ),
      ),
    ),
    h("p", { class: "muted" }, "Teal: right. Orange: wrong. Darker: more rows. Choose a cell to see its rows."),
  ];
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
