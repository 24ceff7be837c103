// The output over two features: where the model decides for which class, or which number it gives; for a single feature a
// curve. What the hidden units give there stands beside it. Computed here, scrubbed by the epoch.

import { h, whenIdle, whenSeen } from "viewer/dom.js";
import { counted, figure } from "viewer/figures.js";
import { OWN } from "viewer/model/rows.js";
import { agrees, check, isKnown } from "viewer/own/check.js";
import { curve } from "viewer/plane/curve.js";
import { map } from "viewer/plane/map.js";
import { markOf, pointsOf } from "viewer/plane/points.js";
import { colouring, drawable, inClasses, MOST_CLASSES, nameOf } from "viewer/plane/shown.js";
import { featuresOf, valuesOf } from "viewer/plane/space.js";
import { Surface } from "viewer/plane/surface.js";
import { units } from "viewer/plane/units.js";
import { Outcomes } from "viewer/rows/outcomes.js";

/** @typedef {import("viewer/document.js").ResultsView} ResultsView */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/plane/points.js").Point} Point */
/** @typedef {import("viewer/plane/shown.js").Colouring} Colouring */
/** @typedef {import("viewer/plane/shown.js").Shown} Shown */
/** @typedef {import("viewer/plane/space.js").Feature} Feature */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @typedef {object} Shared what the parts of the section share
 * @property {Model} model
 * @property {State} state
 * @property {Feature[]} features
 * @property {(shown: Shown) => Rows} rowsOf what is shown: those of its output, or of the first one
 * @property {Layer[]} stages that are drawn
 * @property {(at: number[]) => void} make a row of the reader's own of these values of the axes
 */

/**
 * @typedef {object} Rows
 * @property {Outcomes | null} outcomes of an output; null where its targets are not known
 * @property {Point[]} points
 */

/**
 * @typedef {object} Board the large drawing
 * @property {HTMLElement} element
 * @property {(surface: Surface, shown: Shown, colours: Colouring) => void} draw
 * @property {() => void} mark the row that is followed
 */

const MOST_SURFACES = 40;
/** So long the first, coarse drawing may take. */
const FIRST_MS = 12;

/**
 * @param {Model} model
 * @param {State} state
 * @param {ResultsView | null} results
 * @param {Epochs} epochs
 * @param {() => void} show goes to the pipeline
 * @returns {HTMLElement | null} null where the rows are no short lists of numbers
 */
export function overFeatures(model, state, results, epochs, show) {
  const features = featuresOf(model);
  const stages = drawable(model);
  if (!features.length || !isKnown(model) || !model.outputs.every((name) => stages.some((stage) => stage.name === name && stage.outputs[0].shape.length === 1))) return null;
  const decides = ["classes", "binary", "multilabel"].includes(results?.outputs[0]?.form ?? "");
  const [title, short] = decides ? ["Decision boundary", "Boundary"] : features.length > 1 ? ["The output over two features", "Surface"] : ["The curve that it learned", "Curve"];
  const told = h("p", { class: "muted", role: "status" });
  const body = h("div");
  const element = h("section", { class: "overfeatures", "aria-labelledby": "plane" }, h("h2", { id: "plane", "data-short": short }, title), told, body);
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    check(model, (checked) => {
      if (checked.against) told.textContent = `Not drawn here. ${checked.against}`;
      else if (!agrees(checked)) told.textContent = "Comparing what this page computes with what was recorded.";
      else {
        told.textContent = `Computed in your browser from the recorded weights. At the ${counted(checked.of)} rows of this page it differs from the recorded outputs by at most ${checked.difference ? checked.difference.toExponential(0) : 0}.`;
        body.replaceChildren(drawn(model, state, results, features, stages, epochs, show));
      }
    });
  };
  whenSeen(element, begin)();
  return element;
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {ResultsView | null} results
 * @param {Feature[]} features
 * @param {Layer[]} stages
 * @param {Epochs} epochs
 * @param {() => void} show
 * @returns {HTMLElement}
 */
function drawn(model, state, results, features, stages, epochs, show) {
  const all = model.outputs.map((_, at) => {
    const outcomes = results?.outputs[at]?.results.length ? new Outcomes(model, results, at) : null;
    return { outcomes, points: pointsOf(model, features, outcomes) };
  });
  const rowsOf = (/** @type {Shown} */ { stage }) => all[Math.max(0, model.outputs.indexOf(stage.name))];
  const make = (/** @type {number[]} */ at) => {
    const own = valuesOf(model, features, state.now.row);
    axesOf(features, state).forEach(({ stage, index }, axis) => {
      const values = own.get(stage);
      if (values) values.data[index] = at[axis];
    });
    model.takeOwn(Object.fromEntries(own));
    if (state.now.row === OWN) state.changed("row");
    else state.set("row", OWN);
  };
  /** @type {Shared} */
  const shared = { model, state, features, stages, rowsOf, make };
  const board = (features.length > 1 ? map : curve)(shared);
  const small = units(shared, results);
  const caption = h("div", { class: "cap" });
  const held = h("p", { class: "muted" });
  const open = h("button", { type: "button", class: "plain" });
  const surfaces = new Surfaces(shared);
  const draw = () => {
    const shown = shownOf(shared, results);
    const [across, up] = axesOf(features, state);
    const { row } = state.now;
    const near = model.nearest(state.now.epoch);
    caption.replaceChildren(h("b", {}, nameOf(model, shown)), ` ${epochs.long(near)}${near === state.now.epoch ? "" : `: the weights ${epochs.long(state.now.epoch)} are not in this page`}${model.edits.weights(near) ? ", with the weights that you changed" : ""}`);
    const others = features.filter((feature) => feature !== across && feature !== up);
    const values = others.length ? valuesOf(model, features, row) : new Map();
    const list = others.slice(0, 6).map(({ stage, index, name }) => `${name} ${figure(values.get(stage)?.data[index] ?? NaN)}`);
    held.textContent = others.length ? `Held as in ${model.row(row).text}: ${list.join(", ")}${others.length > list.length ? `, and ${others.length - list.length} more` : ""}. The points are all rows, whose other features differ.` : "";
    open.onclick = () => {
      state.update({ stage: shown.stage.name, place: [shown.unit ?? 0] });
      show();
    };
    open.textContent = shown.unit === null ? `See how ${shown.stage.name} is computed` : `See how ${nameOf(model, shown)} is computed`;
    marks.replaceChildren(...classes(rowsOf(shown).outcomes));
    const paint = (/** @type {Surface} */ surface) => {
      board.draw(surface, shown, colouring(shown, surface));
      small.draw(surface, shown);
    };
    surfaces.get([across, ...(up ? [up] : [])], paint);
  };
  const choices = features.length > 2 ? axisChoices(features, state) : null;
  const marks = h("ul", { class: "classmarks", "aria-label": "The true class of a row" });
  const element = h("div", { class: "plane" }, h("div", { class: "planeboard" }, caption, choices, board.element, held, h("p", { class: "buttons" }, open), marks), small.element);
  const redraw = whenSeen(element, draw, true);
  state.watch(["epoch", "row", "axes", "surface", "theme"], redraw);
  return element;
}

/**
 * @param {Outcomes | null} outcomes
 * @returns {HTMLElement[]} what the marks of the rows mean, where they have classes
 */
function classes(outcomes) {
  if (!outcomes || !["classes", "binary"].includes(outcomes.view.form)) return [];
  const names = outcomes.view.names.length ? outcomes.view.names : ["0", "1"];
  return [...names.slice(0, MOST_CLASSES).map((name, at) => h("li", {}, markOf(at, outcomes.view), name)), h("li", {}, h("span", { class: "ringed", "aria-hidden": "true" }), "predicted wrongly")];
}

/**
 * @param {Feature[]} features
 * @param {State} state
 * @returns {Feature[]} the one across, and the one up where there are two
 */
function axesOf(features, state) {
  const [across, up] = state.now.axes.split(".").map(Number);
  const asked = features[across] && features[up] && across !== up && state.now.axes !== "";
  return asked ? [features[across], features[up]] : features.slice(0, 2);
}

/**
 * @param {Feature[]} features
 * @param {State} state
 * @returns {HTMLElement}
 */
function axisChoices(features, state) {
  const select = (/** @type {string} */ label, /** @type {number} */ axis) => {
    const field = h("select", {
      onchange: () => {
        const chosen = axesOf(features, state).map((feature) => features.indexOf(feature));
        const before = chosen[axis];
        chosen[axis] = Number(field.value);
        if (chosen[1 - axis] === chosen[axis]) chosen[1 - axis] = before; // the two change places
        state.set("axes", chosen.join("."));
      },
    }, ...features.map(({ name }, at) => h("option", { value: at }, name)));
    state.watch("axes", () => (field.value = String(features.indexOf(axesOf(features, state)[axis]))));
    return h("label", {}, label, " ", field);
  };
  return h("p", { class: "choices" }, select("Across", 0), select("Up", 1));
}

/**
 * @param {Shared} shared
 * @param {ResultsView | null} results
 * @returns {Shown} what the state asks for, or else the first output
 */
function shownOf({ model, state, stages }, results) {
  const viewOf = (/** @type {string} */ name) => results?.outputs[model.outputs.indexOf(name)] ?? null;
  const asked = state.now.surface;
  for (const stage of stages) {
    const unit = asked.startsWith(`${stage.name}.`) ? Number(asked.slice(stage.name.length + 1)) : -1;
    if (Number.isInteger(unit) && unit >= 0 && unit < stage.outputs[0].shape[0]) return { stage, unit, view: viewOf(stage.name) };
  }
  const name = model.outputs.includes(asked) ? asked : model.outputs[0];
  const stage = /** @type {Layer} */ (model.byName.get(name));
  return { stage, unit: inClasses(viewOf(name)) ? null : 0, view: viewOf(name) };
}

/** The surfaces that were computed, the latest ones kept; one that is not complete goes on while nothing else is to be done. */
class Surfaces {
  /** @param {Shared} shared */
  constructor(shared) {
    this.shared = shared;
    /** @type {Map<string, Surface>} */
    this.kept = new Map();
    /** @type {((surface: Surface) => void) | null} */
    this.current = null;
  }

  /**
   * @param {Feature[]} axes
   * @param {(surface: Surface) => void} paint called now, and again whenever it has become finer
   */
  get(axes, paint) {
    const { model, state, features, stages } = this.shared;
    const { row, epoch } = state.now;
    const near = model.nearest(epoch);
    // Where all features are on the axes, no row is held.
    const held = features.length > axes.length ? `${row} ${row === OWN ? model.changes : ""}` : "";
    const key = `${near} ${model.edits.weights(near) ? model.edits.count : ""} ${axes.map((axis) => features.indexOf(axis))} ${held}`;
    this.current = paint;
    const surface = this.kept.get(key) ?? new Surface(model, { row, epoch: near }, features, axes, stages);
    this.kept.delete(key);
    this.kept.set(key, surface);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MOST_SURFACES) this.kept.delete(oldest);
    surface.advance(performance.now() + FIRST_MS);
    if (surface.stride < Infinity) paint(surface);
    if (surface.stride > 1) this.refine(surface, paint);
  }

  /**
   * @param {Surface} surface
   * @param {(surface: Surface) => void} paint
   */
  refine(surface, paint) {
    whenIdle((ms) => {
      if (this.current !== paint) return; // something else is shown by now
      const before = surface.stride;
      surface.advance(performance.now() + ms);
      if (surface.stride < before) paint(surface);
      if (surface.stride > 1) this.refine(surface, paint);
    });
  }
}
