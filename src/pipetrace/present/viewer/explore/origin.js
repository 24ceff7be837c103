// How one value came to be: its terms as pictures and numbers, the same in words and symbols, and what was recorded.

import { check } from "viewer/explore/check.js";
import { h } from "viewer/dom.js";
import { contributions, mapOf, MOST_LINES } from "viewer/explore/contributions.js";
import { compared, rather } from "viewer/explore/rather.js";
import { counted, figure, fixed, percent, signed } from "viewer/figures.js";
import { bar, cells, grid, heading, labelled, mini, MOST_CELLS, stepsOf } from "viewer/draw/numbers.js";
import { gates } from "viewer/explore/gates.js";
import { scaleOver, weightScale } from "viewer/draw/scales.js";
import { placeText } from "viewer/draw/slice.js";
import { placeName } from "viewer/explore/place.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { scaleOf } from "viewer/draw/picture.js";
import { size, valueAt } from "viewer/model/values.js";
import { COMPUTING } from "viewer/words.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/layers.js").Term} Term */
/** @typedef {import("viewer/draw/numbers.js").Line} Line */

/** @type {Record<string, string>} */
export const FUNCTIONS = { relu: "ReLU", linear: "", sigmoid: "sigmoid", tanh: "tanh", softmax: "softmax", gelu: "GELU", silu: "SiLU" };

/**
 * Show how the value at a place came to be.
 *
 * @param {HTMLElement} element emptied first
 * @param {Context} context
 * @param {readonly number[]} place
 * @param {Origin | null} origin
 */
export function originOf(element, context, place, origin) {
  const { model, state, stage } = context;
  const values = model.output(state.at, stage.name);
  if (!values) return element.replaceChildren();
  const value = valueAt(values, place);
  const steps = gates(context, place);
  if (steps) return element.replaceChildren(steps, check(context, place));
  if (!origin) {
    const why = model.isWaiting(state.at, stage.name) ? COMPUTING : stage.inputs.length
      ? "There is no explanation of single values for this layer; its recorded output is shown above."
      : "This is the row as it was given.";
    return element.replaceChildren(h("p", {}, h("b", {}, figure(value, 7)), ` ${values.shape.length === 1 ? "is" : "at"} ${placeName(model, stage, place)}. `, why));
  }
  const two = rather(context, place);
  if (two && state.now.rather) return element.replaceChildren(...compared(context, origin, two));
  const shown = SHOWN[origin.how] ?? SHOWN.sum;
  element.replaceChildren(...shown(context, place, origin, value), check(context, place));
}

/** @type {Record<string, (context: Context, place: readonly number[], origin: Origin, value: number) => Node[]>} */
const SHOWN = {
  sum: summed,
  product: summed,
  largest: chosen,
  smallest: chosen,
  mean: averaged,
  copy: copied,
  "look-up": lookedUp,
  normalise: normalised,
};

/**
 * @param {Context} context
 * @param {readonly number[]} place
 * @param {Origin} origin
 * @param {number} value
 * @returns {Node[]}
 */
function summed(context, place, origin, value) {
  const { terms, window: extent, how } = origin;
  const total = terms.reduce((sum, term) => (how === "product" ? sum * term.product : sum + term.product), how === "product" ? 1 : 0);
  const picture = extent ? windows(context, origin) : contributions(context, origin);
  return [h("div", { class: "calcrow" }, extent ? null : mapOf(context, terms), ...picture, steps(context, place, origin, total, value)), lines(context, origin, total, value)];
}

/**
 * A window, a kernel and their products side by side; with several input channels, a line for each.
 *
 * @param {Context} context
 * @param {Origin} origin
 * @returns {Node[]}
 */
function windows({ model, state, stage }, { terms, window: extent }) {
  if (!extent) return [];
  const { kernel, channels } = extent;
  const columns = kernel[kernel.length - 1];
  const weights = weightScale(model, stage);
  const source = model.byName.get(stage.inputs[0].source);
  const image = source ? scaleOver(model, state, source, ({ data }) => data, "all") : scaleOf(terms.map((term) => term.value));
  const taps = terms.length / channels;
  const of = (/** @type {number} */ channel) => Array.from({ length: taps }, (_, tap) => terms[tap * channels + channel]);
  if (channels === 1 && taps <= MOST_CELLS) {
    const all = of(0);
    return [
      labelled("window", grid(all.map((term) => (term.place ? term.value : null)), columns, image)),
      h("span", { class: "sign" }, "×"),
      labelled("kernel", grid(all.map((term) => term.weight), columns, weights)),
      h("span", { class: "sign" }, "="),
      labelled(`${taps} products, rounded`, grid(all.map((term) => term.product), columns, { most: weights.most * image.most, ramp: "signed" })),
      h("span", { class: "sign" }, "→"),
    ];
  }
  const sums = Array.from({ length: channels }, (_, channel) => of(channel).reduce((sum, term) => sum + term.product, 0));
  const order = sums.map((_, channel) => channel).sort((one, other) => Math.abs(sums[other]) - Math.abs(sums[one]));
  const listed = order.slice(0, 2 * MOST_LINES);
  const rest = order.slice(2 * MOST_LINES).reduce((sum, channel) => sum + sums[channel], 0);
  const most = Math.max(...sums.map(Math.abs).filter(Number.isFinite), 1e-12);
  const small = taps <= MOST_CELLS;
  return [
    h(
      "table",
      { class: "terms" },
      h("thead", {}, h("tr", {}, ...["input channel", small && "window", small && "kernel", "sum of products", ""].filter((each) => each !== false).map(heading))),
      h(
        "tbody",
        {},
        ...listed.map((channel) =>
          h(
            "tr",
            {},
            h("td", {}, String(channel)),
            small && h("td", {}, mini(of(channel).map((term) => term.value), columns, image)),
            small && h("td", {}, mini(of(channel).map((term) => term.weight), columns, weights)),
            h("td", { class: "number" }, signed(sums[channel], 4)),
            h("td", {}, bar(sums[channel], most)),
          ),
        ),
        order.length > listed.length && h("tr", {}, h("td", {}, `the other ${counted(order.length - listed.length)}`), small && h("td"), small && h("td"), h("td", { class: "number" }, signed(rest, 4)), h("td")),
      ),
    ),
  ];
}

/**
 * From the sum to the value.
 *
 * @param {Context} context
 * @param {readonly number[]} place
 * @param {Origin} origin
 * @param {number} total
 * @param {number} value
 * @returns {HTMLElement}
 */
function steps(context, place, { terms, bias, activation, how }, total, value) {
  /** @type {Line[]} */
  const found = [];
  const products = how === "product" ? "product of all" : `sum of ${counted(terms.length)} ${terms.length === 1 ? "product" : "products"}`;
  const gain = terms.reduce((sum, term) => sum + Math.max(0, term.product), 0);
  if (terms.length > MOST_CELLS && how !== "product") found.push(["for", signed(gain, 4)], ["against", signed(total - gain, 4)]);
  found.push([products, fixed(total, 6)]);
  if (bias !== null) found.push(["+ bias", fixed(bias, 6)]);
  // Rounded as the layer's output is, so that what an activation leaves as it is has the same digits.
  const before = Math.fround(Math.fround(total) + (bias ?? 0));
  if (activation !== "linear") {
    found.push([activation === "softmax" ? "logit" : "before the activation", fixed(before, 6)]);
    found.push([activated(context, activation, before, place), activation === "softmax" ? percent(value) : fixed(value, 6)]);
  }
  if (activation === "linear" && bias !== null) found.push(["value", fixed(value, 6)]);
  // An activation adds nothing: the line stands above what it is applied to.
  return stepsOf(found, found.length - (activation === "linear" ? 1 : 2));
}

/**
 * @param {Context} context
 * @param {string} activation
 * @param {number} before
 * @param {readonly number[]} place
 * @returns {string}
 */
function activated({ stage }, activation, before, place) {
  if (Number.isNaN(before)) return `${FUNCTIONS[activation] || activation} of NaN`;
  if (activation === "relu") return before > 0 ? "ReLU: positive, so it stays" : "ReLU: not positive, so it becomes 0";
  if (activation === "softmax" && softmaxAxis(stage, place.length) !== null) return "softmax: e to the logit, divided by the sum of all";
  return FUNCTIONS[activation] || activation;
}

/**
 * The same in words, in numbers and, where wanted, in symbols.
 *
 * @param {Context} context
 * @param {Origin} origin
 * @param {number} total
 * @param {number} value
 * @returns {HTMLElement}
 */
function lines({ state }, { terms, bias, activation, window: extent, how }, total, value) {
  const name = FUNCTIONS[activation] ?? activation;
  const [open, close] = name ? [`${name}(`, ")"] : ["", ""];
  const plus = bias === null ? "" : `${bias < 0 ? "−" : "+"} ${fixed(Math.abs(bias), 6)}`;
  if (activation === "softmax" && value > 0) {
    const logit = Math.fround(Math.fround(total) + (bias ?? 0));
    const words = ["value", "= e to the power of (", "value × weight, all summed", bias === null ? "" : "+ bias", ")", "/ the sum of that over all classes"];
    const numbers = [fixed(value, 6), "= e to the power of (", fixed(total, 6), plus, ")", `/ ${fixed(Math.exp(logit) / value, 6)}`];
    return formula([["in words", words], ["in numbers", numbers]]);
  }
  const weighted = terms.some(({ value: of, product }) => product !== of);
  const each = extent ? "input × weight, summed over the window" : how === "product" ? "all inputs multiplied" : terms.length > 1 ? "value × weight, all summed" : weighted ? "value × weight" : "input";
  const many = extent && extent.channels > 1 ? " and its channels" : "";
  const words = ["value", "=", open, `${each}${many}`, bias === null ? "" : "+ bias", close];
  const numbers = [fixed(value, 6), "=", open, fixed(total, 6), plus, close];
  const symbols = ["y", "=", open, extent ? "Σ x(r+i, c+j, k) · w(i, j, k)" : "Σ x(k) · w(k)", bias === null ? "" : "+ b", close];
  const more = state.now.symbols && how !== "product";
  return formula([["in words", words], ["in numbers", numbers], ...(more ? [/** @type {[string, string[]]} */ (["in symbols", symbols])] : [])]);
}

/**
 * Lines of which the parts stand under one another.
 *
 * @param {[string, string[]][]} rows
 * @returns {HTMLElement}
 */
function formula(rows) {
  const kinds = ["", "numeric", "symbolic"];
  return h(
    "div",
    { class: "formula" },
    ...rows.map(([name, cells], at) => h("p", { class: kinds[at] }, h("b", {}, name), ...cells.map((cell) => h("span", {}, `${cell} `)))),
  );
}

/**
 * @param {Context} _
 * @param {readonly number[]} __
 * @param {Origin} origin
 * @param {number} value
 * @returns {Node[]}
 */
function chosen(_, __, { terms, how }, value) {
  // The recorded value may differ in its last digit from the computed ones that are compared here.
  // NaN is passed over, as in the layer itself.
  const most = terms.reduce((one, { product }) => ((how === "largest" ? product > one : product < one) ? product : one), how === "largest" ? -Infinity : Infinity);
  const best = terms.findIndex((term) => term.product === most);
  const winners = terms.filter((term) => term.product === most).length;
  const text = Number.isNaN(value) ? "With NaN among them it is NaN." : winners > 1 ? `${winners} of them are equal and ${how}.` : `The ${how} of ${counted(terms.length)} stays, the others are dropped.`;
  return [h("div", { class: "calcrow" }, labelled("window", cells(terms, best)), h("span", { class: "sign" }, "→"), h("p", {}, h("b", { class: "result" }, fixed(value, 6)), h("br"), text))];
}

/**
 * @param {Context} _
 * @param {readonly number[]} __
 * @param {Origin} origin
 * @param {number} value
 * @returns {Node[]}
 */
function averaged(_, __, { terms }, value) {
  const total = terms.reduce((sum, term) => sum + term.value, 0);
  return [
    h("div", { class: "calcrow" }, terms.length <= MOST_CELLS && labelled("window", cells(terms, -1)), h("p", {}, `The sum of ${counted(terms.length)} values, ${fixed(total, 6)}, divided by ${counted(terms.length)}: `, h("b", { class: "result" }, fixed(value, 6)))),
  ];
}

/**
 * @param {Context} context
 * @param {readonly number[]} place
 * @param {Origin} origin
 * @param {number} value
 * @returns {Node[]}
 */
function copied({ model, state, stage }, place, { terms: [term] }, value) {
  const input = model.inputs(state.at, stage)?.inputs[term.input ?? 0];
  if (!term.place || !input) return [h("p", {}, h("b", { class: "result" }, fixed(value, 6)), ": it stands in the padding.")];
  const shape = stage.outputs[0].shape;
  const index = term.place.map((at, axis) => [at, ...(axis < input.shape.length - 1 ? [counted(size(input.shape.slice(axis + 1)))] : [])].join(" × ")).join(" + ");
  const flat = shape.length === 1 && input.shape.length > 1;
  return [
    h("p", {}, h("b", { class: "result" }, fixed(value, 6)), ` is the value at ${placeText(input.shape, term.place)} of the input. It does not change; only its place does.`),
    ...(flat ? [formula([["in words", ["position", "=", "line × width × channels + column × channels + channel"]], ["in numbers", [counted(place[0]), "=", index]]])] : []),
  ];
}

/**
 * @param {Context} _
 * @param {readonly number[]} place
 * @param {Origin} origin
 * @param {number} value
 * @returns {Node[]}
 */
function lookedUp({ model, stage }, place, { terms: [term] }, value) {
  const word = model.byName.get(stage.inputs[0]?.source ?? "")?.words[term.value];
  return [h("p", {}, `Entry ${counted(term.value)} of the table${word ? `, '${word}',` : ""} belongs to this step; its number ${place[place.length - 1]} is `, h("b", { class: "result" }, fixed(value, 6)), ".")];
}

/**
 * @param {Context} _
 * @param {readonly number[]} __
 * @param {Origin} origin
 * @param {number} value
 * @returns {Node[]}
 */
function normalised(_, __, { terms: [term], steps: norm }, value) {
  if (!norm) return [];
  // A step that changes nothing, such as the scale of a layer without one, is left out.
  const divisor = Number((1 / norm.gain).toPrecision(6));
  const divides = norm.deviation === 1 && norm.gain < 1 && Math.abs(divisor * norm.gain - 1) < 1e-9;
  const steps = [
    ["value", fixed(value, 6)],
    ...(norm.mean ? [["= ( input", `= ( ${fixed(term.value, 6)}`], ["− mean )", `− ${bracketed(norm.mean)} )`]] : [["= input", `= ${fixed(term.value, 6)}`]]),
    norm.deviation !== 1 && ["/ deviation", `/ ${bracketed(norm.deviation)}`],
    divides && ["/ divisor", `/ ${divisor}`],
    !divides && norm.gain !== 1 && ["× scale", `× ${bracketed(norm.gain)}`],
    norm.shift !== 0 && ["+ shift", `+ ${bracketed(norm.shift)}`],
  ].filter((step) => step !== false);
  const [words, numbers] = [0, 1].map((at) => steps.map((step) => step[at]));
  return [formula([["in words", words], ["in numbers", numbers]])];
}

/**
 * @param {number} value
 * @returns {string} in brackets where it is negative
 */
function bracketed(value) {
  return value < 0 ? `(${fixed(value, 6)})` : fixed(value, 6);
}
