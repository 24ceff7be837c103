// One scale for a stage over all epochs, so that one sees it learn: a value has the same colour before and after.

import { whenIdle } from "viewer/dom.js";
import { isImage } from "viewer/explore/place.js";
import { scaleOf } from "viewer/draw/picture.js";

/** @typedef {import("viewer/draw/picture.js").Scale} Scale */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/state.js").State} State */
/** @typedef {{ row: number, scales: Map<string, { version: string, scale: Scale }>, waits: boolean }} Found of a row, by epoch */

/** So long the other epochs may take while something is drawn; then they wait until nothing else is to be done. */
const MOST_MS = 20;

/** @type {WeakMap<Model, Found>} */
const FOUND = new WeakMap();

/**
 * The scale of what is shown of a stage for the row of the state, over all epochs of which it is known.
 *
 * @param {Model} model
 * @param {State} state told that its epoch changed where the scale of a slow model is known later
 * @param {Layer} stage
 * @param {(values: Values) => ArrayLike<number>} take what is shown of its output
 * @param {string} name of what is taken
 * @returns {Scale}
 */
export function scaleOver(model, state, stage, take, name) {
  const { row } = state.now;
  let found = FOUND.get(model);
  if (found?.row !== row) FOUND.set(model, (found = { row, scales: new Map(), waits: false }));
  const until = performance.now() + MOST_MS;
  const epochs = model.fixed.has(stage.name) ? [model.end] : [model.nearest(state.now.epoch), ...model.epochs];
  const scales = [];
  for (const epoch of epochs) {
    const at = { row, epoch };
    const [key, version] = [`${stage.name} ${name} ${epoch}`, model.version(at)];
    let known = found.scales.get(key);
    if (known?.version !== version) {
      const late = scales.length > 1 && !model.isKept(at) && performance.now() > until;
      if (late) break;
      const values = model.output(at, stage.name);
      if (model.isWaiting(at, stage.name)) break;
      known = { version, scale: scaleOf(values ? take(values) : [], isImage(model, stage)) };
      found.scales.set(key, known);
    }
    scales.push(known.scale);
  }
  if (scales.length < epochs.length && !found.waits) {
    found.waits = true;
    wait(model, state, found, stage);
  }
  return scales.length ? widest(scales) : scaleOf([]);
}

/**
 * Compute the row after all epochs, one at a time, then draw with the scale that is known now.
 *
 * @param {Model} model
 * @param {State} state
 * @param {Found} found
 * @param {Layer} stage
 */
function wait(model, state, found, stage) {
  whenIdle((ms) => {
    const { row } = state.now;
    if (FOUND.get(model) !== found || found.row !== row) return;
    const until = performance.now() + ms;
    const known = (/** @type {number} */ epoch) => model.recorded({ row, epoch }, stage.name) || model.pass({ row, epoch }).advance(stage.name, until);
    if (!model.epochs.every(known)) return wait(model, state, found, stage);
    found.waits = false;
    state.changed("epoch");
  });
}

/**
 * @param {readonly Scale[]} scales
 * @returns {Scale} that has room for all
 */
export function widest(scales) {
  const signed = scales.find(({ ramp }) => ramp === "signed");
  return { most: Math.max(...scales.map(({ most }) => most)), ramp: (signed ?? scales[0]).ramp };
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {boolean} whether what a stage gives differs between epochs of this page
 */
export function acrossEpochs(model, stage) {
  return model.epochs.length > 1 && !model.fixed.has(stage.name);
}

/** @typedef {{ low: number, high: number }} Range */

/** @type {WeakMap<Model, Map<string, Range[]>>} */
const RANGES = new WeakMap();

/**
 * @param {Model} model
 * @param {string} stage that gives a row itself
 * @returns {Range[] | null} the smallest and the largest value of each feature, which is the last axis, in the rows of the
 *   page; null where no row has it
 */
export function rangesOf(model, stage) {
  const known = RANGES.get(model)?.get(stage);
  if (known) return known;
  const rows = [...model.rows.all.keys()].flatMap((row) => model.recorded({ row, epoch: model.end }, stage) ?? []);
  if (!rows.length) return null;
  const features = rows[0].shape.at(-1) ?? 1;
  const ranges = Array.from({ length: features }, () => ({ low: Infinity, high: -Infinity }));
  for (const { data } of rows)
    data.forEach((value, at) => {
      const range = ranges[at % features];
      [range.low, range.high] = [Math.min(range.low, value), Math.max(range.high, value)];
    });
  RANGES.set(model, (RANGES.get(model) ?? new Map()).set(stage, ranges));
  return ranges;
}

/** @type {WeakMap<Model, Map<string, Scale>>} */
const WEIGHTS = new WeakMap();

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {Scale} of a stage's kernel over all epochs
 */
export function weightScale(model, stage) {
  const known = WEIGHTS.get(model) ?? new Map();
  WEIGHTS.set(model, known);
  const key = `${stage.name} ${model.edits.count}`;
  let scale = known.get(key);
  if (!scale) {
    const kernels = model.epochs.map((epoch) => {
      const own = model.weightsOf({ row: 0, epoch }, stage.name);
      return scaleOf((own.kernel ?? own.depthwise_kernel)?.data ?? []);
    });
    known.set(key, (scale = { most: widest(kernels).most, ramp: "signed" }));
  }
  return scale;
}
