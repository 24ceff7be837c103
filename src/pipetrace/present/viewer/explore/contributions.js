// What adds to a value of many terms: the largest for and against it, and where in the image they stand.

import { paint } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { bar, heading } from "viewer/draw/numbers.js";
import { legendOf, scaleOf } from "viewer/draw/picture.js";
import { placeText } from "viewer/draw/slice.js";
import { counted, figure, signed } from "viewer/figures.js";
import { size } from "viewer/model/values.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/layers.js").Term} Term */

export const MOST_LINES = 5;

/**
 * What speaks most for a value and most against it.
 *
 * @param {Context} context
 * @param {Origin} origin
 * @returns {Node[]}
 */
export function contributions(context, { terms, how }) {
  const { model, stage, state } = context;
  const several = new Set(terms.map((term) => term.input ?? 0)).size > 1;
  const sorted = [...terms].sort((one, other) => other.product - one.product);
  const all = terms.length <= 2 * MOST_LINES + 2;
  const listed = all ? terms : [...sorted.slice(0, MOST_LINES).filter((term) => term.product > 0), ...sorted.slice(-MOST_LINES).filter((term) => term.product < 0)];
  const rest = terms.reduce((sum, term) => sum + term.product, 0) - listed.reduce((sum, term) => sum + term.product, 0);
  const most = Math.max(...listed.map((term) => Math.abs(term.product)), 1e-12);
  const received = model.inputs(state.at, stage);
  const name = (/** @type {Term} */ term) => {
    if (term.label) return term.label;
    if (several) return stage.inputs[term.input ?? 0]?.source ?? "";
    return term.place && received ? link(context, term.place) : "";
  };
  return [
    h(
      "table",
      { class: "terms" },
      h("thead", {}, h("tr", {}, ...[several ? "input" : "where", "value × weight", how === "product" ? "factor" : "adds", ""].map(heading))),
      h(
        "tbody",
        {},
        ...listed.map((term) =>
          h(
            "tr",
            {},
            h("td", {}, name(term)),
            h("td", { class: "number" }, `${figure(term.value)} × ${figure(term.weight)}`),
            h("td", { class: `number ${term.product < 0 ? "minus" : "plus"}` }, signed(term.product, 4)),
            h("td", {}, bar(term.product, most)),
          ),
        ),
        !all && h("tr", {}, h("td", {}, `the other ${counted(terms.length - listed.length)}`), h("td"), h("td", { class: "number" }, signed(rest, 4)), h("td")),
      ),
    ),
  ];
}

/**
 * The place of an input's value, before it was flattened, as a button that goes there.
 *
 * @param {Context} context
 * @param {readonly number[]} place in the first input
 * @returns {Node}
 */
function link({ model, state, stage }, place) {
  const before = model.byName.get(stage.inputs[0].source);
  if (!before) return h("span");
  const found = model.traced(state.at, before, place);
  const names = model.unitNames(found.stage.name);
  const shape = found.stage.outputs[0].shape;
  const text = names[place[place.length - 1]] ?? placeText(shape, found.place);
  return h("button", { type: "button", class: "bare", onclick: () => state.open(found.stage.name, [...found.place]) }, text);
}

/**
 * What speaks for and against a value at each place of the image that was flattened before.
 *
 * @param {Context} context
 * @param {readonly Term[]} terms
 * @returns {Node | null}
 */
export function mapOf({ model, state, stage }, terms) {
  const before = model.byName.get(stage.inputs[0].source);
  const end = terms[0]?.place;
  if (!before || !end) return null;
  const { stage: source } = model.traced(state.at, before, end);
  const shape = source.outputs[0].shape;
  if (source === before || shape.length !== 3 || size(shape) !== terms.length) return null;
  const [rows, columns, channels] = shape;
  const sums = new Float32Array(rows * columns);
  terms.forEach((term, at) => (sums[Math.floor(at / channels)] += term.product));
  const { most } = scaleOf(sums);
  const canvas = h("canvas", { role: "img", "aria-label": `What adds to the value at each of the ${rows} × ${columns} places` });
  paint(canvas, sums, columns, most, "signed");
  return h("div", { class: "addmap" }, h("p", { class: "caption" }, `value × weight at each place of ${source.name}, all channels summed`), canvas, legendOf({ most, ramp: "signed" }));
}
