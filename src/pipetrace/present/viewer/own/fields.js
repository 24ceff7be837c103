// Number fields for the values of a table's row, and for the tokens of a text.

import { h } from "viewer/dom.js";
import { brief } from "viewer/figures.js";
import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/own/own.js").Editor} Editor */
/** @typedef {import("viewer/own/own.js").Source} Source */

export const MOST_FIELDS = 200;

/**
 * @param {Source} source of values in a row, or in steps of several values
 * @param {(own: Values) => void} give called with the values that were set
 * @returns {Editor}
 */
export function fields({ shape, names, words, ranges, name }, give) {
  let own = values(shape);
  const features = shape[shape.length - 1] ?? 1;
  const list = words && h("datalist", { id: `words-${name}` }, ...words.slice(0, 5000).map((word) => h("option", { value: word })));
  const inputs = Array.from(own.data, (_, at) => {
    const range = ranges[at % features];
    const label = shape.length > 1 ? `step ${Math.floor(at / features)}, ${names[at % features] ?? `feature ${at % features}`}` : (names[at] ?? (words ? `token ${at}` : `value ${at}`));
    const input = words
      ? h("input", { type: "text", list: `words-${name}`, autocomplete: "off", onchange: () => word(at) })
      : h("input", { type: "number", step: "any", min: range.whole ? range.low : null, max: range.whole ? range.high : null, oninput: () => number(at) });
    const told = words ? "" : `${brief(range.low)} to ${brief(range.high)}`;
    return { input, line: h("label", {}, h("span", {}, label), input, told && h("small", { class: "muted" }, told)) };
  });
  const set = (/** @type {number} */ at, /** @type {number} */ value) => {
    own = values(shape, own.data.slice());
    own.data[at] = value;
    give(own);
  };
  const number = (/** @type {number} */ at) => {
    const value = inputs[at].input.valueAsNumber;
    const range = ranges[at % features];
    const bad = !Number.isFinite(value) || (range.whole && (!Number.isInteger(value) || value < range.low || value > range.high));
    inputs[at].input.setAttribute("aria-invalid", String(bad));
    if (!bad) set(at, value);
  };
  const word = (/** @type {number} */ at) => {
    const found = words?.indexOf(inputs[at].input.value) ?? -1;
    inputs[at].input.setAttribute("aria-invalid", String(found < 0));
    if (found >= 0) set(at, found);
  };
  const show = () => inputs.forEach(({ input }, at) => (input.value = words ? (words[own.data[at]] ?? String(own.data[at])) : String(Number(own.data[at].toPrecision(7)))));
  return {
    element: h("div", { class: "fields" }, list, ...inputs.map(({ line }) => line)),
    take: (row) => {
      own = values(shape, row.data.slice());
      show();
    },
    clear: null,
    hint: words ? "Change a token: choose a word of the vocabulary." : ranges.some(({ whole }) => whole) ? "Change a number. Whole numbers stay within the recorded range." : "Change a number. Beside each field: the range among the rows of this page.",
    redraw: () => {},
  };
}
