// Why one class rather than another: what adds to the difference of their logits.

import { h } from "viewer/dom.js";
import { contributions, mapOf, sumsOf } from "viewer/explore/contributions.js";
import { nameIn } from "viewer/explore/place.js";
import { stepsOf } from "viewer/draw/numbers.js";
import { fixed, signed } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { largest } from "viewer/rows/outcomes.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/layers.js").Term} Term */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {{ one: number, other: number, names: [string, string] }} Two classes, by their places */

/** The largest difference from what the recorded probabilities tell, as a share of it; after earlier epochs, whose
 *  outputs have 16 bits. */
const [TOLERANCE, TOLERANCE_16] = [1e-3, 2e-2];

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {boolean} whether a stage's values are the probabilities of classes, by weights of its own
 */
export function tellsClasses(model, stage) {
  return stage.layer === "Dense" && stage.outputs[0]?.shape.length === 1 && softmaxAxis(stage, 1) === 0 && model.outputs.includes(stage.name);
}

/**
 * The class at a place, and the one to compare it with: the true one, or for the true one the most probable other.
 *
 * @param {Context} context
 * @param {readonly number[]} place
 * @returns {Two | null} null for a stage that does not tell classes, or a row whose class is not known
 */
export function rather({ model, state, stage }, [one]) {
  const { label } = model.row(state.now.row);
  const values = tellsClasses(model, stage) ? model.output(state.at, stage.name) : null;
  if (!values || label === null || values.data.length < 2) return null;
  const next = values.data.reduce((best, value, at) => (at !== one && (best < 0 || value > values.data[best]) ? at : best), -1);
  const other = one === label ? next : label;
  const names = model.unitNames(stage.name);
  return { one, other, names: [names[one] ?? `class ${one}`, names[other] ?? `class ${other}`] };
}

/**
 * @param {Context} context
 * @param {Origin} origin of the first class
 * @param {Two} two
 * @returns {Node[]}
 */
export function compared(context, origin, { one, other, names: [first, second] }) {
  const { model, state, stage } = context;
  const against = model.origin(state.at, stage, [other]);
  if (!against) return [];
  const terms = origin.terms.map((term, at) => ({ ...term, weight: term.weight - against.terms[at].weight, product: term.product - against.terms[at].product }));
  const total = terms.reduce((sum, term) => sum + term.product, 0);
  const gain = terms.reduce((sum, term) => sum + Math.max(0, term.product), 0);
  const bias = (origin.bias ?? 0) - (against.bias ?? 0);
  const lines = /** @type {import("viewer/draw/numbers.js").Line[]} */ ([
    [`for ${first}`, signed(gain, 4)],
    [`for ${second}`, signed(total - gain, 4)],
    ["difference of the biases", signed(bias, 6)],
    [`logit of ${first} − logit of ${second}`, fixed(total + bias, 4)],
  ]);
  const values = model.output(state.at, stage.name)?.data ?? [];
  const best = largest(values);
  const predicted = best === one || best === other ? "" : ` What the model predicts here is ${nameIn(model, stage, best)}.`;
  return [
    h("p", {}, `What speaks for ${first} rather than ${second}: each value × (its weight for ${first} − its weight for ${second}).${partsOf(context, terms, first, second)}${predicted}`),
    h("div", { class: "calcrow" }, mapOf(context, terms), ...contributions(context, { ...origin, terms }), stepsOf(lines)),
    checked(context, one, other, total + bias),
  ];
}

const PARTS = [["upper left", "top", "upper right"], ["left", "middle", "right"], ["lower left", "bottom", "lower right"]];

/**
 * Where in the image the classes are spoken for.
 *
 * @param {Context} context
 * @param {readonly Term[]} terms
 * @param {string} first
 * @param {string} second
 * @returns {string} empty where the values stand in no image
 */
function partsOf(context, terms, first, second) {
  const found = sumsOf(context, terms);
  if (!found || Math.min(found.rows, found.columns) < PARTS.length || !found.sums.every(Number.isFinite)) return "";
  const { rows, columns, sums } = found;
  const parts = new Float64Array(PARTS.length ** 2);
  const third = (/** @type {number} */ at, /** @type {number} */ length) => Math.floor((PARTS.length * at) / length);
  sums.forEach((sum, at) => (parts[PARTS.length * third(Math.floor(at / columns), rows) + third(at % columns, columns)] += sum));
  const named = (/** @type {number} */ at) => `the ${PARTS.flat()[at]} (${signed(parts[at], 2)})`;
  const [most, least] = [parts.indexOf(Math.max(...parts)), parts.indexOf(Math.min(...parts))];
  const told = [parts[most] > 0 ? `what speaks for ${first} is strongest at ${named(most)}` : "", parts[least] < 0 ? `what speaks for ${second} at ${named(least)}` : ""];
  return told.some(Boolean) ? ` Of nine parts of the image, ${told.filter(Boolean).join(", ")}.` : "";
}

/**
 * The recorded probabilities tell the difference of the logits too: it is the logarithm of their ratio.
 *
 * @param {Context} context
 * @param {number} one
 * @param {number} other
 * @param {number} computed
 * @returns {HTMLElement}
 */
function checked({ model, state, stage }, one, other, computed) {
  const recorded = model.recorded(state.at, stage.name);
  const [p, q] = [recorded?.data[one] ?? 0, recorded?.data[other] ?? 0];
  if (Number.isNaN(p) || Number.isNaN(q)) return h("p", { class: "check" }, "The recorded probabilities are NaN.");
  if (!p || !q) return h("p", { class: "check" }, recorded ? "The recorded probabilities are too small to compare with." : `Computed here from ${model.weightsText(state.now.epoch)}.`);
  const told = Math.log(p / q);
  const tolerance = model.nearest(state.now.epoch) === model.end ? TOLERANCE : TOLERANCE_16;
  const agrees = Math.abs(told - computed) <= tolerance * Math.max(1, Math.abs(told));
  const text = `ln(${p.toPrecision(4)} / ${q.toPrecision(4)}) = ${fixed(told, 4)}`;
  if (agrees) return h("p", { class: "check" }, h("b", {}, `✓ The recorded probabilities give ${text}`), ".");
  return h("p", { class: "check wrong" }, h("b", {}, `The recorded probabilities give ${text}, computed here is ${fixed(computed, 4)}.`), " The two differ, so the computation above is not what happened in this stage.");
}
