// Before anything is computed for a row of the reader's own: does this page compute what was recorded?

import { whenIdle } from "viewer/dom.js";
import { LAYERS } from "viewer/model/layers.js";

/** @typedef {import("viewer/model/model.js").Model} Model */

/** A pass of the model may take so long. */
export const MOST_MS = 50;
const MOST_WEIGHTS = 1e6;

/**
 * @typedef {object} Checked
 * @property {number} rows that were compared by now
 * @property {number} of how many
 * @property {number} difference the largest one
 * @property {string | null} against why nothing is computed here; null where all agrees so far
 */

/**
 * @param {Model} model
 * @returns {string[] | null} the stages whose outputs a reader may set: what the model, or the steps before it, receive.
 *   A text is set where it has become the numbers of its words. Null where nothing is recorded of one of them
 */
export function sources(model) {
  const first = model.rows.kept?.inputs.map(({ stage }) => stage) ?? model.stages.filter(({ inputs }) => !inputs.length).map(({ name }) => name);
  const names = first.flatMap((name) => {
    const lookups = model.consumers(name).filter(({ words }) => words.length);
    return lookups.length ? lookups.map((stage) => stage.name) : [name];
  });
  const known = (/** @type {string} */ name) => [...model.rows.all.keys()].some((row) => model.recorded({ row, epoch: model.end }, name));
  return names.length && names.every(known) ? names : null;
}

/**
 * @param {Model} model
 * @returns {boolean} whether the page has the arithmetic of every layer, and not too many weights for it
 */
export function isKnown(model) {
  if (model.stages.reduce((sum, { parameters }) => sum + parameters, 0) > MOST_WEIGHTS) return false;
  return model.stages.every(({ inputs, layer, name }) => !inputs.length || model.fixed.has(name) || LAYERS.has(layer));
}

/** @type {WeakMap<Model, { checked: Checked | null, listeners: ((checked: Checked) => void)[] }>} */
const BEGUN = new WeakMap();

/**
 * Compare the outputs of all recorded rows with what the page computes, once, however many ask for it.
 *
 * @param {Model} model
 * @param {(checked: Checked) => void} tell called now and then, and at the end
 */
export function check(model, tell) {
  const known = BEGUN.get(model);
  if (known) {
    known.listeners.push(tell);
    if (known.checked) tell(known.checked);
    return;
  }
  const begun = { checked: /** @type {Checked | null} */ (null), listeners: [tell] };
  BEGUN.set(model, begun);
  compare(model, new Set(sources(model)), (checked) => {
    begun.checked = checked;
    for (const each of begun.listeners) each(checked);
  });
}

/**
 * @param {Checked} checked
 * @returns {boolean} whether all is compared and agrees, so that what is computed here can be shown
 */
export function agrees({ rows, of, against }) {
  return !against && rows === of;
}

/**
 * Compare the outputs of all recorded rows with what the page computes, between two frames.
 *
 * @param {Model} model
 * @param {Set<string>} sources the stages whose outputs the reader sets
 * @param {(checked: Checked) => void} tell called now and then, and at the end
 */
function compare(model, sources, tell) {
  const rows = [...model.rows.all.keys()].filter((row) => [...sources].every((name) => model.recorded({ row, epoch: model.end }, name)));
  /** @type {Checked} */
  const checked = { rows: 0, of: rows.length, difference: 0, against: null };
  if (!rows.length) checked.against = "No row is recorded that it could be compared with.";
  let weights = 0;
  for (const stage of model.weights.values()) for (const each of Object.values(stage ?? {})) weights += each.data.length;
  if (weights > MOST_WEIGHTS) checked.against = "The model has more than a million weights.";
  const times = /** @type {number[]} */ ([]);
  const step = (/** @type {number} */ ms) => {
    const until = performance.now() + ms;
    let began = 0;
    while (!checked.against && checked.rows < checked.of && began < until) {
      began = performance.now();
      const found = model.agreement({ row: rows[checked.rows], epoch: model.end });
      times.push(performance.now() - began);
      checked.rows += 1;
      // What is recorded of a followed row takes the place of stages that cannot be computed, and would hide them.
      if (!found || missing(model, sources, rows[checked.rows - 1])) {
        checked.against = "Not all layers of this model can be computed here.";
        break;
      }
      checked.difference = Math.max(checked.difference, found.difference);
      if (!found.agrees) checked.against = `This page computes something else than what was recorded of row ${rows[checked.rows - 1]}: the difference is ${found.difference.toPrecision(3)}.`;
    }
    const done = checked.rows === checked.of;
    const middle = times.sort((one, other) => one - other)[times.length >> 1] ?? 0;
    if (done && !checked.against && middle > MOST_MS) checked.against = `One row takes ${Math.round(middle)} ms here.`;
    tell(checked);
    if (!checked.against && !done) whenIdle(step);
  };
  whenIdle(step);
}

/**
 * @param {Model} model
 * @param {Set<string>} sources
 * @param {number} row
 * @returns {boolean} whether a stage after the sources is not computed for a row
 */
function missing(model, sources, row) {
  const at = { row, epoch: model.end };
  return model.stages.some((stage) => stage.inputs.length > 0 && !sources.has(stage.name) && !model.isComputed(at, stage.name));
}
