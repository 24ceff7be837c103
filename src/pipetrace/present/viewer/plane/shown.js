// What can be drawn over the plane: the model's output, in the colours of its classes, or one unit of a stage.

import { colourOf, theme } from "viewer/colour.js";
import { scaleOf } from "viewer/draw/picture.js";
import { figure, percent } from "viewer/figures.js";
import { largest, sharesOf } from "viewer/rows/outcomes.js";

/** @typedef {import("viewer/colour.js").Colour} Colour */
/** @typedef {import("viewer/document.js").OutputView} OutputView */
/** @typedef {import("viewer/draw/picture.js").Scale} Scale */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/plane/surface.js").Surface} Surface */

/**
 * @typedef {object} Shown
 * @property {Layer} stage
 * @property {number | null} unit null for all classes at once
 * @property {OutputView | null} view of the output that it is; null for a hidden stage
 */

/** Colours of classes that colour-blind readers can tell apart, and none of them pink. */
const CLASSES = {
  light: ["#0072b2", "#d55e00", "#00835f", "#b8860b", "#6a4fb3", "#4d5661"],
  dark: ["#56b4e9", "#f08a3c", "#2fc79a", "#e6c229", "#a78bf0", "#b4bdc8"],
};
export const MOST_CLASSES = CLASSES.light.length;
/** The colour of a class where it is certain, as a share. */
const STRONGEST = 0.75;
/** The share of ink in a cell where two classes meet. */
const LINE = 0.55;
const MOST_UNITS = 64;

/**
 * @param {number} at which class
 * @param {OutputView | null | undefined} view of the output that tells classes
 * @returns {string} of two classes that one number tells, the colours of the ends of its scale
 */
export function classColour(at, view) {
  return CLASSES[theme()][view?.form === "binary" ? 1 - at : at % MOST_CLASSES];
}

/**
 * @param {Model} model
 * @returns {Layer[]} the stages that have units to draw, in order, those of the outputs among them
 */
export function drawable(model) {
  const copies = /Dropout|Noise|Flatten|Reshape|InputLayer/;
  return model.stages.filter(
    ({ name, layer, outputs, inputs, ...rest }) =>
      model.outputs.includes(name) || (inputs.length > 0 && !model.fixed.has(name) && !copies.test(layer) && outputs.length === 1 && outputs[0].shape.length === 1 && outputs[0].shape[0] <= MOST_UNITS),
  );
}

/**
 * @param {OutputView | null | undefined} view
 * @returns {boolean} whether an output is one of several classes that have colours
 */
export function inClasses(view) {
  return view?.form === "classes" && view.names.length <= MOST_CLASSES && view.names.length > 1;
}

/**
 * @param {Model} model
 * @param {Shown} shown
 * @returns {string}
 */
export function nameOf(model, { stage, unit, view }) {
  if (unit === null) return "The predicted class";
  const name = (view?.names.length === stage.outputs[0].shape[0] ? view.names[unit] : model.unitNames(stage.name)[unit]) ?? null;
  if (name) return `${name} of ${stage.name}`;
  return stage.outputs[0].shape[0] === 1 ? stage.name : `${view ? "value" : "unit"} ${unit} of ${stage.name}`;
}

/**
 * @typedef {object} Colouring how a surface is coloured
 * @property {Scale} scale
 * @property {[string, string] | undefined} ends what the ends of the scale are called
 * @property {number} paper the value that has the colour of the paper
 * @property {(value: number) => number} on the scale, where 0 has the colour of the paper
 * @property {(values: ArrayLike<number>) => string} text of what the stage gives at a place
 */

/**
 * @param {Shown} shown
 * @param {Surface} surface
 * @returns {Colouring}
 */
export function colouring({ stage, unit, view }, surface) {
  const name = (/** @type {number} */ at) => view?.names[at] ?? `class ${at}`;
  if (unit === null && view) {
    const text = (/** @type {ArrayLike<number>} */ values) => {
      const shares = sharesOf(view, values);
      return shares.every(Number.isFinite) ? `${name(largest(shares))}, ${percent(Math.max(...shares))}` : "NaN or Inf";
    };
    return { scale: { most: 1, ramp: "activation" }, ends: undefined, paper: 0, on: (value) => value, text };
  }
  const at = unit ?? 0;
  const logits = view?.scale === "logits";
  const chance = (/** @type {number} */ value) => (logits ? 1 / (1 + Math.exp(-value)) : value);
  if (view?.form === "binary" && view.scale !== "scores") {
    const limit = logits ? 0.5 : view.threshold;
    const scale = { most: Math.max(limit, 1 - limit), ramp: /** @type {const} */ ("signed") };
    return { scale, ends: [name(0), name(1)], paper: limit, on: (value) => chance(value) - limit, text: (values) => `${percent(chance(values[at]))} for ${name(1)}` };
  }
  const chances = view?.scale === "probabilities" || (logits && view.form === "multilabel");
  const scale = chances ? { most: 1, ramp: /** @type {const} */ ("activation") } : scaleOf(surface.found.get(stage.name) ?? []);
  const text = (/** @type {ArrayLike<number>} */ values) => (chances ? `${percent(chance(values[at]))} for ${name(at)}` : figure(values[at], 4));
  return { scale, ends: undefined, paper: 0, on: chances ? chance : (value) => value, text };
}

/**
 * @param {Shown} shown
 * @param {Surface} surface
 * @param {Colouring} colours
 * @returns {Float32Array} the value of each cell on the scale
 */
export function onScale({ stage, unit }, surface, { on }) {
  return surface.unit(stage.name, unit ?? 0).map(on);
}

/**
 * @param {Shown} shown one that shows all classes
 * @param {Surface} surface
 * @returns {Float32Array} red, green and blue of each cell, the surer the stronger; ink where two classes meet
 */
export function inColours({ stage, view }, surface) {
  const { rows, columns } = surface;
  const cells = rows * columns;
  const pixels = new Float32Array(3 * cells);
  const all = new Int16Array(cells);
  const paper = colourOf(0, 1, "activation");
  const tones = (view?.names ?? []).map((_, at) => rgb(classColour(at, view)));
  for (let cell = 0; cell < cells; cell++) {
    const near = surface.nearest(cell);
    if (near === cell) {
      const shares = view ? sharesOf(view, surface.at(stage.name, cell)) : [];
      const [best, chance] = [largest(shares), 1 / shares.length];
      all[cell] = best;
      pixels.set(shares.every(Number.isFinite) ? mixed(paper, tones[best], (STRONGEST * (shares[best] - chance)) / (1 - chance)) : [NaN, NaN, NaN], 3 * cell);
    } else {
      all[cell] = all[near];
      pixels.copyWithin(3 * cell, 3 * near, 3 * near + 3);
    }
  }
  if (surface.stride > 1) return pixels;
  const ink = colourOf(1, 1, "ink");
  for (let cell = 0; cell < cells; cell++) {
    const [right, below] = [(cell + 1) % columns ? cell + 1 : cell, cell + columns < cells ? cell + columns : cell];
    if (all[cell] !== all[right] || all[cell] !== all[below]) pixels.set(mixed(pixels.subarray(3 * cell, 3 * cell + 3), ink, LINE), 3 * cell);
  }
  return pixels;
}

/**
 * @param {string} colour as "#rrggbb"
 * @returns {Colour}
 */
function rgb(colour) {
  return /** @type {Colour} */ ([1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
}

/**
 * @param {ArrayLike<number>} one
 * @param {Colour} other
 * @param {number} share of the other
 * @returns {Colour}
 */
function mixed(one, other, share) {
  return /** @type {Colour} */ (other.map((band, at) => Math.round(one[at] + (band - one[at]) * share)));
}
