// What the model gave for one row, beside what it should give: in words, and as bars, numbers or images.

import { h } from "viewer/dom.js";
import { figure, percent } from "viewer/figures.js";
import { OWN } from "viewer/model/rows.js";
import { targetAndOutput } from "viewer/rows/compared.js";
import { largest, Outcomes, sharesOf, thatMatter } from "viewer/rows/outcomes.js";
import { paintImage } from "viewer/rows/thumbnail.js";

/** @typedef {import("viewer/document.js").OutputView} OutputView */
/** @typedef {import("viewer/document.js").ResultsView} ResultsView */
/** @typedef {import("viewer/model/model.js").At} At */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/values.js").Values} Values */

const MOST_NUMBERS = 10;
const MOST_STEPS = 40;

/**
 * @typedef {object} Output of the model, for one row
 * @property {OutputView | null} view null where it is not known what it predicts
 * @property {Values} given
 * @property {Values | null} wanted
 * @property {number | null} label the true class
 * @property {string} stage
 */

/**
 * @param {Model} model
 * @param {ResultsView | null} results
 * @param {At} at
 * @returns {HTMLElement[]} one for each output of the model
 */
export function outputsOf(model, results, at) {
  return model.outputs.flatMap((stage, number) => {
    const given = model.output(at, stage);
    if (!given) return [];
    const view = results?.outputs[number] ?? null;
    const { place, label } = model.row(at.row);
    const wanted = results && place !== null ? new Outcomes(model, results, number).wanted(place) : null;
    const truth = wanted && wanted.data.length === 1 && view?.form === "classes" ? wanted.data[0] : wanted && view?.form === "classes" ? largest(wanted.data) : label;
    return [h("div", { class: "outcome" }, view?.name && h("h3", {}, view.name), ...shown({ view, given, wanted, label: at.row === OWN ? null : truth, stage }))];
  });
}

/**
 * @param {Output} output
 * @returns {Node[]}
 */
function shown(output) {
  const { view, given, wanted, stage } = output;
  if (view?.form === "sequence" && view.names.length > 1) return steps(output, view);
  if (given.shape.length > 1) {
    if (view && wanted && ["image", "mask"].includes(view.form)) return [h("div", { class: "compared" }, ...targetAndOutput(view, given, wanted, "this row"))];
    const canvas = h("canvas", { role: "img", "aria-label": `Output of ${stage}` });
    paintImage(canvas, given);
    return [h("p", { class: "caption" }, "Output"), canvas];
  }
  if (view?.form === "binary") return binary(output, view);
  const shares = view && ["probabilities", "logits"].includes(view.scale) ? sharesOf(view, given.data) : null;
  return shares ? classes(output, shares) : numbers(output);
}

/**
 * @param {string} said
 * @param {string} truth empty where it is not known
 * @returns {HTMLElement}
 */
function verdict(said, truth) {
  return h("p", { class: "verdict" }, `Predicted ${said}.`, truth && ` The true ${truth}.`);
}

/**
 * @param {Output} output
 * @param {number[]} shares of the classes, or of labels that do not exclude each other
 * @returns {Node[]}
 */
function classes({ view, wanted, label }, shares) {
  const name = (/** @type {number} */ at) => view?.names[at] ?? String(at);
  const several = view?.form === "multilabel";
  const best = largest(shares);
  const isTrue = (/** @type {number} */ at) => (several ? wanted !== null && wanted.data[at] > 0.5 : at === label);
  const all = shares.map((_, at) => at);
  const listed = thatMatter(shares, label);
  if (!shares.every(Number.isFinite)) return [h("p", { class: "verdict" }, "No prediction: the outputs are NaN or Inf.")];
  const rest = shares.length - listed.length;
  const sum = listed.reduce((total, at) => total - shares[at], 1);
  const truth = label === null || several ? "" : label === best ? "class is the same: it is right" : `class is ${name(label)}: it is wrong`;
  return [
    several ? h("p", { class: "verdict" }, `Predicted: ${all.filter((at) => shares[at] > 0.5).map(name).join(", ") || "none"}.`, wanted && ` True: ${all.filter(isTrue).map(name).join(", ") || "none"}.`) : verdict(`${name(best)}, ${percent(shares[best])}`, truth),
    h(
      "ul",
      { class: "bars", "aria-label": "The probability of each class" },
      ...listed.map((at) =>
        h("li", { class: at === best && !several ? "marked" : null }, h("span", { class: "name" }, `${name(at)}${isTrue(at) ? " (true)" : ""}`), h("span", { class: "track" }, h("span", { class: "bar", style: `width: ${100 * shares[at]}%` })), h("span", { class: "number" }, percent(shares[at]))),
      ),
    ),
    ...(rest ? [h("p", { class: "muted" }, `The other ${rest} classes${several ? "" : ` together: ${percent(Math.max(0, sum))}`}.`)] : []),
  ];
}

/**
 * @param {Output} output
 * @param {OutputView} view
 * @returns {Node[]}
 */
function binary({ given, wanted, label }, view) {
  const said = Number(given.data[0] > view.threshold);
  const truth = wanted ? Number(wanted.data[0] > 0.5) : label;
  const shares = view.scale === "scores" ? null : sharesOf(view, given.data);
  const name = view.names[said] ?? String(said);
  const right = truth === null ? "" : truth === said ? "class is the same: it is right" : `class is ${view.names[truth] ?? truth}: it is wrong`;
  return [verdict(`${name}${shares ? `, with ${percent(shares[0])} for ${view.names[1] ?? 1}` : ""}`, right)];
}

/**
 * @param {Output} output
 * @returns {Node[]}
 */
function numbers({ given, wanted }) {
  const few = [...given.data].slice(0, MOST_NUMBERS);
  const more = given.data.length > few.length ? `, and ${given.data.length - few.length} more` : "";
  if (!wanted || wanted.data.length !== given.data.length) return [h("p", { class: "verdict" }, few.map((value) => figure(value, 4)).join(", ") + more)];
  if (few.length === 1) return [verdict(figure(few[0], 4), `number is ${figure(wanted.data[0], 4)}: off by ${figure(Math.abs(few[0] - wanted.data[0]))}`)];
  const head = h("tr", {}, ...["number", "predicted", "true", "off by"].map((name) => h("th", { scope: "col" }, name)));
  const line = (/** @type {number} */ value, /** @type {number} */ at) => h("tr", {}, ...[String(at), figure(value, 4), figure(wanted.data[at], 4), figure(Math.abs(value - wanted.data[at]))].map((text) => h("td", {}, text)));
  return [h("table", { class: "grid" }, h("thead", {}, head), h("tbody", {}, ...few.map(line))), ...(more ? [h("p", { class: "muted" }, `The first ${few.length} of ${given.data.length}.`)] : [])];
}

/**
 * The class at each position of a sequence.
 *
 * @param {Output} output
 * @param {OutputView} view
 * @returns {Node[]}
 */
function steps({ given, wanted }, view) {
  const count = given.shape[given.shape.length - 1];
  const length = given.data.length / count;
  const each = (/** @type {ArrayLike<number>} */ data) => Array.from({ length }, (_, at) => largest(Array.prototype.slice.call(data, at * count, (at + 1) * count)));
  const said = each(given.data);
  const truly = wanted && (wanted.data.length === given.data.length ? each(wanted.data) : [...wanted.data]);
  const name = (/** @type {number} */ at) => view.names[at] ?? String(at);
  const line = (/** @type {string} */ head, /** @type {number[]} */ numbers) =>
    h("tr", {}, h("th", { scope: "row" }, head), ...numbers.slice(0, MOST_STEPS).map((at, step) => h("td", { class: truly && truly[step] !== said[step] ? "off" : null }, name(at))));
  const wrong = truly && said.filter((at, step) => at !== truly[step]).length;
  return [
    h("p", { class: "verdict" }, wrong === null ? "Predicted:" : wrong ? `${wrong} of ${length} positions are wrong.` : `All ${length} positions are right.`),
    h("div", { class: "wide" }, h("table", { class: "grid sequence" }, h("tbody", {}, line("predicted", said), truly && line("true", truly)))),
    ...(length > MOST_STEPS ? [h("p", { class: "muted" }, `The first ${MOST_STEPS} of ${length} positions.`)] : []),
  ];
}
