// Before anything is computed for a row of the reader's own: does this page compute what was recorded?

import { whenIdle } from "viewer/dom.js";

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
 * Compare the outputs of all recorded rows with what the page computes, between two frames.
 *
 * @param {Model} model
 * @param {Set<string>} sources the stages whose outputs the reader sets
 * @param {(checked: Checked) => void} tell called now and then, and at the end
 */
export function check(model, sources, tell) {
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
