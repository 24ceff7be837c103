// What adds to a value of many terms: the largest for and against it, and where in the image they stand.

import { h } from "viewer/dom.js";
import { bar, heading } from "viewer/draw/numbers.js";
import { legendOf, Picture, scaleOf } from "viewer/draw/picture.js";
import { placeText } from "viewer/draw/slice.js";
import { tracedName } from "viewer/explore/place.js";
import { counted, figure, percent, signed } from "viewer/figures.js";
import { size } from "viewer/model/values.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/layers.js").Term} Term */

export const MOST_LINES = 5;
const MAP_WIDTH = 208;

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
  const broken = terms.filter(({ product }) => !Number.isFinite(product));
  const listed = all ? terms : broken.length ? broken.slice(0, 2 * MOST_LINES) : [...sorted.slice(0, MOST_LINES).filter((term) => term.product > 0), ...sorted.slice(-MOST_LINES).filter((term) => term.product < 0)];
  const rest = terms.reduce((sum, term) => sum + term.product, 0) - listed.reduce((sum, term) => sum + term.product, 0);
  const carried = (/** @type {readonly Term[]} */ of) => of.reduce((sum, term) => sum + Math.abs(term.product), 0);
  const carries = broken.length
    ? `${counted(broken.length)} of ${counted(terms.length)} products are NaN or Inf.`
    : !all && carried(terms) > 0 && how !== "product" && `The ${counted(listed.length)} listed are ${percent(carried(listed) / carried(terms))} of all that is added and subtracted.`;
  const most = Math.max(...listed.map((term) => Math.abs(term.product)).filter(Number.isFinite), 1e-12);
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
      carries && h("caption", {}, carries),
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
  const found = tracedName(model, state.at, before, place);
  return h("button", { type: "button", class: "bare", onclick: () => state.open(found.stage.name, [...found.place]) }, found.text);
}

/**
 * What adds to a value at each position of the image that was flattened before, its channels summed.
 *
 * @param {Context} context
 * @param {readonly Term[]} terms
 * @returns {{ name: string, shape: readonly number[], rows: number, columns: number, channels: number, sums: Float32Array } | null}
 *   null where the values stood in no image
 */
export function sumsOf({ model, state, stage }, terms) {
  const before = model.byName.get(stage.inputs[0].source);
  const end = terms[0]?.place;
  if (!before || !end) return null;
  const { stage: source } = model.traced(state.at, before, end);
  const shape = source.outputs[0].shape;
  if (source === before || ![2, 3].includes(shape.length) || size(shape) !== terms.length) return null;
  const [rows, columns, channels = 1] = shape;
  const sums = new Float32Array(rows * columns);
  terms.forEach((term, at) => (sums[Math.floor(at / channels)] += term.product));
  return { name: source.name, shape, rows, columns, channels, sums };
}

/**
 * The same as an image that can be read.
 *
 * @param {Context} context
 * @param {readonly Term[]} terms
 * @returns {Node | null}
 */
export function mapOf(context, terms) {
  const found = sumsOf(context, terms);
  if (!found) return null;
  const { name, shape, rows, columns, channels, sums } = found;
  const { most } = scaleOf(sums);
  const label = `value × weight at each position of ${name}${channels > 1 ? `, its ${counted(channels)} channels summed` : ""}`;
  const reading = h("p", { class: "caption" });
  const read = (/** @type {number} */ row, /** @type {number} */ column) => {
    const text = `${placeText(shape, [row, column, 0]).replace(", channel 0", "")}: ${signed(sums[row * columns + column], 4)}`;
    picture.mark([{ row, column }]);
    picture.say(text);
    reading.textContent = text;
  };
  const picture = new Picture({ rows, columns, width: MAP_WIDTH, label, move: read });
  picture.paint({ values: sums, most, ramp: "signed" });
  const first = sums.reduce((best, sum, at) => (Math.abs(sum) > Math.abs(sums[best]) ? at : best), 0);
  read(Math.floor(first / columns), first % columns);
  return h("div", { class: "addmap" }, h("p", { class: "caption" }, label), picture.element, legendOf({ most, ramp: "signed" }), reading);
}
