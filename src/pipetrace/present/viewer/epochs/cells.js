// What the columns of the training table show of the model after an epoch: a kernel, a map, a prediction.

import { paint } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { isImage, placeIn } from "viewer/explore/place.js";
import { scaleOver, weightScale } from "viewer/draw/scales.js";
import { foldOf, plane, sliceOf } from "viewer/draw/slice.js";
import { figure, percent } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { values } from "viewer/model/values.js";
import { thatMatter } from "viewer/rows/outcomes.js";
import { isSeries, paintImage } from "viewer/rows/thumbnail.js";

/** @typedef {import("viewer/model/model.js").At} At */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/state.js").State} State */
/** @typedef {{ values: ArrayLike<number>, columns: number }} Plane */
/** @typedef {{ name: string, cells: (Node | string | null)[] }} Line a row of the table: its name and a cell for each epoch */

const MOST_BARS = 20;
/** Of numbers that are no classes so many are written. */
const MOST_TOLD = 2;
const NONE = "not kept";

/**
 * @param {Model} model
 * @param {At | null} at
 * @param {Layer} stage
 * @returns {string} what stands where nothing is known of a stage
 */
function none(model, at, stage) {
  return at && model.isWaiting(at, stage.name) ? "…" : NONE;
}

/**
 * The rows of the table that show the model: they follow the row, the stage and the channel that are chosen.
 *
 * @param {Model} model
 * @param {State} state
 * @param {number[]} epochs
 * @returns {Line[]}
 */
export function modelLines(model, state, epochs) {
  const stage = weighted(model, state);
  const ats = epochs.map((epoch) => ({ row: state.now.row, epoch }));
  const here = ats.map((at) => (model.epochs.includes(at.epoch) ? at : null));
  const lines = stage ? [kernels(model, state, stage, here), maps(model, state, stage, here)] : [];
  return [...lines, ...model.outputs.map((name) => predictions(model, state, here, name, stage))].filter((line) => line !== null);
}

/**
 * @param {Model} model
 * @param {State} state
 * @returns {Layer | null} the open stage, or the one before it, that has weights; else the first that has
 */
export function weighted(model, state) {
  const has = (/** @type {Layer | undefined} */ stage) => stage && Object.keys(model.weightsOf({ row: 0, epoch: model.end }, stage.name)).length > 0;
  for (let stage = model.byName.get(state.now.stage); stage; stage = model.byName.get(stage.inputs[0]?.source ?? "")) if (has(stage)) return stage;
  return model.stages.find(has) ?? null;
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @param {(At | null)[]} ats
 * @returns {Line | null}
 */
function kernels(model, state, stage, ats) {
  const channel = channelOf(model, state, stage);
  const final = model.weightsOf({ row: 0, epoch: model.end }, stage.name).kernel;
  if (!final || channel === null) return null;
  const input = strongestInput(final, channel);
  const planes = ats.map((at) => {
    const kernel = at && model.weightsOf(at, stage.name).kernel;
    return kernel ? kernelPlane(kernel, channel, input) : null;
  });
  const of = input === null ? "" : `, input channel ${input}`;
  const what = stage.layer === "Dense" ? "Weights of unit" : "Kernel of filter";
  return { name: `${what} ${channel} of ${stage.name}${of}`, cells: pictures(planes, weightScale(model, stage)) };
}

/**
 * @param {Values} kernel
 * @param {number} channel
 * @returns {number | null} the input channel whose weights are largest; null where there is one
 */
export function strongestInput(kernel, channel) {
  const { shape, data } = kernel;
  const [inputs, outputs] = shape.slice(-2);
  if (shape.length !== 4 || inputs === 1) return null;
  const sums = new Float64Array(inputs);
  for (let k = channel; k < data.length; k += outputs) sums[Math.floor(k / outputs) % inputs] += data[k] ** 2;
  return sums.indexOf(Math.max(...sums));
}

/**
 * @param {Values} kernel
 * @param {number} channel
 * @param {number | null} input
 * @returns {Plane | null}
 */
export function kernelPlane({ shape, data }, channel, input) {
  const outputs = shape[shape.length - 1];
  if (channel >= outputs || shape.length > 4 || shape.length < 2) return null;
  const own = Array.from({ length: data.length / outputs }, (_, k) => data[k * outputs + channel]);
  if (shape.length === 4) {
    const inputs = shape[2];
    return { values: own.filter((_, k) => k % inputs === (input ?? 0)), columns: shape[1] };
  }
  // What is slid along a sequence is drawn in its direction.
  if (shape.length === 3) return { values: own, columns: shape[1] === 1 ? shape[0] : shape[1] };
  const slice = sliceOf([own.length], foldOf(own.length));
  return { values: plane(values([own.length], Float32Array.from(own)), slice, [0]), columns: slice.columns };
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @returns {number | null}
 */
function channelOf(model, state, stage) {
  const shape = stage.outputs[0]?.shape ?? [];
  const count = shape[shape.length - 1] ?? 0;
  const chosen = model.byName.get(state.now.stage);
  const place = chosen ? placeIn(model, state, stage) : [];
  const channel = place[place.length - 1] ?? 0;
  return count > 0 ? Math.min(channel, count - 1) : null;
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @param {(At | null)[]} ats
 * @returns {Line | null}
 */
function maps(model, state, stage, ats) {
  const shape = stage.outputs[0]?.shape ?? [];
  if (shape.length < 2 || isImage(model, stage)) return null;
  const place = placeIn(model, state, stage);
  const planes = ats.map((at) => {
    const output = at && model.output(at, stage.name);
    if (!output || output.shape.length < 2) return null;
    const slice = sliceOf(output.shape);
    return { values: plane(output, slice, place), columns: slice.columns };
  });
  const slice = sliceOf(shape);
  const scale = scaleOver(model, state, stage, (output) => plane(output, slice, place), slice.name(place));
  return { name: `Its ${shape.length > 2 ? "map" : "output"} for ${model.row(state.now.row).text}`, cells: pictures(planes, scale).map((cell, k) => (planes[k] ? cell : none(model, ats[k], stage))) };
}

/**
 * @param {(Plane | null)[]} planes
 * @param {import("viewer/draw/picture.js").Scale} scale
 * @returns {(Node | string)[]}
 */
function pictures(planes, { most, ramp }) {
  return planes.map((each) => {
    if (!each) return NONE;
    const canvas = h("canvas", { "aria-hidden": "true" });
    paint(canvas, each.values, each.columns, most, ramp);
    return canvas;
  });
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {(At | null)[]} ats
 * @param {string} output of the model
 * @param {Layer | null} above whose map has a line already
 * @returns {Line | null}
 */
function predictions(model, state, ats, output, above) {
  const stage = model.byName.get(output);
  if (!stage) return null;
  const found = ats.map((at) => at && model.output(at, stage.name));
  if (found.every((each, at) => !each && none(model, ats[at], stage) === NONE)) return null;
  const names = model.unitNames(stage.name);
  const { label, text } = model.row(state.now.row);
  const name = `Prediction ${model.outputs.length > 1 ? `of ${output} ` : ""}for ${text}`;
  const missing = (/** @type {number} */ at) => none(model, ats[at], stage);
  const series = (stage.outputs[0]?.shape.length ?? 0) > 1 || (softmaxAxis(stage, 1) !== 0 && label === null && isSeries(model, stage));
  if (series) {
    if (stage === above && (stage.outputs[0]?.shape.length ?? 0) > 1) return null;
    const scale = scaleOver(model, state, stage, ({ data }) => data, "all");
    return { name, cells: found.map((each, at) => (each ? painted(each, scale) : missing(at))) };
  }
  const shares = softmaxAxis(stage, 1) === 0;
  const last = found.filter((each) => each !== null).at(-1);
  // The same classes in each column: those that matter in the end.
  const listed = last ? (shares ? thatMatter(last.data, label) : [...last.data.keys()]) : [];
  const most = Math.max(...found.flatMap((each) => (each ? Array.from(each.data, Math.abs).filter(Number.isFinite) : [])), 1e-12);
  return {
    name,
    cells: found.map((each, at) => (each ? prediction(each, listed, names, label, most, shares, shares || names.length > 0 || label !== null) : missing(at))),
  };
}

/**
 * @param {Values} output an image, a mask or a series
 * @param {import("viewer/draw/picture.js").Scale} scale
 * @returns {Node}
 */
function painted(output, scale) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  paintImage(canvas, output, output.shape.length === 3 && output.shape[2] === 3 ? undefined : scale);
  return canvas;
}

/**
 * @param {Values} output
 * @param {number[]} listed the values that get a bar
 * @param {string[]} names
 * @param {number | null} label the true class
 * @param {number} most the longest bar
 * @param {boolean} shares whether the values are probabilities of classes
 * @param {boolean} classes whether the largest one is the prediction
 * @returns {Node}
 */
function prediction({ data }, listed, names, label, most, shares, classes) {
  const numbers = Array.from(data);
  if (numbers.length === 1) return h("span", {}, figure(numbers[0], Math.abs(numbers[0]) < 0.001 ? 2 : 3));
  const best = numbers.indexOf(Math.max(...numbers));
  const name = (/** @type {number} */ at) => names[at] ?? String(at);
  const value = shares ? percent(numbers[best]) : figure(numbers[best]);
  return h(
    "div",
    {},
    listed.length <= MOST_BARS &&
      h(
        "div",
        { class: "fewbars", "aria-hidden": "true" },
        ...listed.flatMap((at) => [
          h("small", { class: at === label ? "true" : "" }, name(at)),
          h("i", { class: data[at] < 0 ? "minus" : classes && at === best ? "best" : "", style: `width: ${(100 * Math.abs(data[at])) / most}%` }),
        ]),
      ),
    !classes ? h("span", { class: "said" }, numbers.slice(0, MOST_TOLD).map((value) => figure(value)).join(", "), numbers.length > MOST_TOLD ? " …" : "") : best < 0 ? h("span", {}, "NaN") : h("span", { class: "said" }, h("b", {}, name(best)), ` ${value}`),
  );
}
