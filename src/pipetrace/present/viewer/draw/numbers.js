// Numbers on their colours: grids, small grids, bars.

import { colourOf, inkOn } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { scaleOf } from "viewer/draw/picture.js";
import { fixed } from "viewer/figures.js";
import { explained } from "viewer/words.js";

/** @typedef {import("viewer/colour.js").Ramp} Ramp */
/** @typedef {import("viewer/model/layers.js").Term} Term */
/** @typedef {[string, string]} Line a name and a number */

export const MOST_CELLS = 49;

/**
 * @param {string} text
 * @returns {HTMLElement} the head of a column; one without a text is no head
 */
export function heading(text) {
  return text ? h("th", { scope: "col" }, text) : h("td");
}

/**
 * @param {string} text
 * @param {Node} content
 * @returns {HTMLElement}
 */
export function labelled(text, content) {
  return h("div", {}, h("p", { class: "caption" }, text), content);
}

/**
 * Numbers on their colours; null is a cell of the padding.
 *
 * @param {readonly (number | null)[]} numbers
 * @param {number} columns
 * @param {{ most: number, ramp: Ramp }} scale
 * @param {number} [winner] the cell that is outlined
 * @returns {HTMLElement}
 */
export function grid(numbers, columns, { most, ramp }, winner = -1) {
  return h(
    "div",
    { class: `numbers${columns > 5 ? " tight" : ""}`, style: `grid-template-columns: repeat(${columns}, 1fr)` },
    ...numbers.map((value, at) => {
      if (value === null) return h("span", { class: "padding", title: "padding: 0" }, "0");
      const colour = colourOf(value, most, ramp);
      return h("span", { style: `background: rgb(${colour.join(" ")}); color: ${inkOn(colour)}`, class: at === winner ? "winner" : null, title: String(value) }, fixed(value, 3));
    }),
  );
}

/**
 * The terms of a pooling in the form of their window.
 *
 * @param {readonly Term[]} terms
 * @param {number} winner
 * @returns {HTMLElement}
 */
export function cells(terms, winner) {
  const rows = new Set(terms.map((term) => term.place?.slice(0, -2).join(" ")));
  const values = terms.map((term) => term.value);
  return grid(values.slice(0, MOST_CELLS), Math.max(1, Math.round(terms.length / rows.size)), scaleOf(values), winner);
}

/**
 * @param {readonly number[]} numbers
 * @param {number} columns
 * @param {{ most: number, ramp: Ramp }} scale
 * @returns {HTMLElement} without the numbers
 */
export function mini(numbers, columns, { most, ramp }) {
  return h(
    "span",
    { class: "mini", style: `grid-template-columns: repeat(${columns}, 1fr)` },
    ...numbers.map((value) => h("i", { style: `background: rgb(${colourOf(value, most, ramp).join(" ")})` })),
  );
}

/**
 * @param {number} value
 * @param {number} most
 * @returns {HTMLElement} to the right for more than 0, to the left for less
 */
export function bar(value, most) {
  const share = Math.min(50, (50 * Math.abs(value)) / most) || 0;
  return h("span", { class: "balance" }, h("i", { class: value < 0 ? "minus" : "plus", style: `width: ${share}%; ${value < 0 ? "right" : "left"}: 50%` }));
}

/**
 * @param {readonly Line[]} lines the last one is the result
 * @param {number} [total] the one that those above it add up to
 * @returns {HTMLElement}
 */
export function stepsOf(lines, total = lines.length - 1) {
  return h(
    "dl",
    { class: "steps" },
    ...lines.flatMap(([name, text], at) => {
      const kind = [at === total ? "total" : "", at === lines.length - 1 ? "last" : ""].join(" ").trim() || null;
      return [h("dt", { class: kind }, ...explained(name)), h("dd", { class: kind }, text)];
    }),
  );
}
