// The recorded model: its stages, weights and rows, computed when looked at and compared with what was recorded.

import { Evaluation } from "viewer/model/evaluate.js";
import { LAYERS } from "viewer/model/layers.js";
import { valueAt, values } from "viewer/model/values.js";

/** @typedef {import("viewer/document.js").ModelView} ModelView */
/** @typedef {import("viewer/document.js").RowView} RowView */
/** @typedef {import("viewer/document.js").Tensor} Tensor */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */

const MOST_KEPT = 60;
/** The largest difference that still counts as agreement, as a share of the largest value where that is above 1. */
const TOLERANCE = 1e-5;

/** @type {Record<string, new (buffer: ArrayBuffer) => ArrayLike<number>>} */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  bool: Uint8Array,
};

/**
 * @param {Tensor} tensor
 * @returns {Values}
 */
export function decode({ dtype, shape, base64 }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  if (dtype === "int64") {
    const numbers = new BigInt64Array(bytes.buffer);
    return values(shape, Float32Array.from(numbers, Number));
  }
  const data = new (ARRAYS[dtype] ?? Float32Array)(bytes.buffer);
  return values(shape, data instanceof Float32Array ? data : Float32Array.from(data));
}

export class Model {
  /** @param {ModelView} view */
  constructor(view) {
    /** @type {Layer[]} */
    this.stages = view.stages.map((stage) => ({ ...stage, config: JSON.parse(stage.config) }));
    /** @type {Map<string, Layer>} */
    this.byName = new Map(this.stages.map((stage) => [stage.name, stage]));
    this.rows = view.rows;
    this.omitted = view.omitted;
    this.sections = view.sections;
    /** @type {Map<string, Weights>} */
    this.weights = new Map();
    for (const stage of view.stages) {
      const own = Object.entries(stage.weights).map(([name, tensor]) => [name, decode(tensor)]);
      this.weights.set(stage.name, Object.fromEntries(own));
    }
    /** @type {Map<string, string[]>} */
    this.names = new Map(view.stages.map((stage) => [stage.name, stage.unit_names]));
    /** @type {Map<string, Values>} */
    this.decoded = new Map();
    /** @type {Map<number, Evaluation>} */
    this.passes = new Map();
  }

  /**
   * @param {number} row its position among the recorded rows
   * @param {string} stage
   * @returns {Values | null} what was recorded
   */
  recorded(row, stage) {
    const tensor = this.rows[row]?.outputs[stage];
    if (!tensor) return null;
    const key = `${row} ${stage}`;
    let found = this.decoded.get(key);
    if (!found) this.decoded.set(key, (found = decode(tensor)));
    return found;
  }

  /**
   * @param {number} row
   * @returns {Evaluation} the forward pass of a row
   */
  pass(row) {
    let found = this.passes.get(row);
    if (!found) {
      if (this.passes.size >= MOST_KEPT) this.passes.clear();
      found = new Evaluation(this.byName, this.weights, (stage) => this.recorded(row, stage));
      this.passes.set(row, found);
    }
    return found;
  }

  /**
   * @param {number} row
   * @param {string} stage
   * @returns {Values | null} the first output: as recorded, or else computed
   */
  output(row, stage) {
    return this.recorded(row, stage) ?? this.pass(row).get(stage)?.outputs[0] ?? null;
  }

  /**
   * @param {number} row
   * @param {Layer} stage
   * @returns {ReturnType<Evaluation["inputs"]>}
   */
  inputs(row, stage) {
    return this.pass(row).inputs(stage);
  }

  /**
   * @param {number} row
   * @param {string} stage
   * @returns {boolean} whether a stage's output is computed here, not only recorded
   */
  isComputed(row, stage) {
    const pass = this.pass(row);
    return pass.get(stage) !== null && pass.computed.has(stage);
  }

  /**
   * How a value came to be, where its family explains that.
   *
   * @param {number} row
   * @param {Layer} stage
   * @param {readonly number[]} place
   * @returns {import("viewer/model/layers.js").Origin | null}
   */
  origin(row, stage, place) {
    const received = this.inputs(row, stage);
    const family = LAYERS.get(stage.layer);
    if (!received || !family?.origin || !this.isComputed(row, stage.name)) return null;
    return family.origin(stage, received.inputs, this.weights.get(stage.name) ?? {}, place, received.masks);
  }

  /**
   * A computed value beside the recorded one.
   *
   * @param {number} row
   * @param {Layer} stage
   * @param {readonly number[]} place
   * @returns {{ computed: number, recorded: number | null, agrees: boolean } | null}
   */
  compared(row, stage, place) {
    const result = this.isComputed(row, stage.name) ? this.pass(row).get(stage.name)?.outputs[0] : null;
    if (!result) return null;
    const computed = valueAt(result, place);
    const all = this.recorded(row, stage.name);
    if (!all) return { computed, recorded: null, agrees: true };
    const recorded = valueAt(all, place);
    const largest = all.data.reduce((most, value) => (Math.abs(value) > most ? Math.abs(value) : most), 1);
    const agrees = Object.is(computed, recorded) || Math.abs(computed - recorded) <= TOLERANCE * largest;
    return { computed, recorded, agrees };
  }

  /**
   * @param {number} row
   * @returns {RowView & { text: string }} a recorded row, and which it is in words
   */
  row(row) {
    const found = this.rows[row];
    const label = found.label_text || (found.label === null ? "" : `class ${found.label}`);
    return { ...found, text: `row ${found.row}${label ? `, truly ${label}` : ""}` };
  }

  /**
   * @param {string} stage
   * @returns {string[]} the names of the values along its last axis, such as those of the classes; empty if they have none
   */
  unitNames(stage) {
    return this.names.get(stage) ?? [];
  }

  /**
   * @param {number} row
   * @param {Layer} stage one that ends with a softmax
   * @returns {number[] | null} what the softmax makes the probabilities of
   */
  logits(row, stage) {
    const received = this.inputs(row, stage);
    const family = LAYERS.get(stage.layer);
    if (!received || !family) return null;
    if (stage.layer === "Softmax" || stage.layer === "Activation") return [...received.inputs[0].data];
    const linear = { ...stage, config: { ...stage.config, activation: "linear" } };
    const outputs = family.compute(linear, received.inputs, this.weights.get(stage.name) ?? {}, received.masks);
    return outputs && [...[outputs].flat()[0].data];
  }

  /**
   * The place that a copied value comes from: before a Flatten, a Reshape or a Dropout.
   *
   * @param {number} row
   * @param {Layer} stage
   * @param {readonly number[]} place
   * @returns {{ stage: Layer, place: readonly number[] }}
   */
  traced(row, stage, place) {
    const origin = this.origin(row, stage, place);
    const [term] = origin?.terms ?? [];
    const before = this.byName.get(stage.inputs[term?.input ?? 0]?.source ?? "");
    if (origin?.how !== "copy" || !term?.place || !before) return { stage, place };
    return this.traced(row, before, term.place);
  }

  /**
   * @param {string} name
   * @returns {Layer[]} the stages that receive a stage's output
   */
  consumers(name) {
    return this.stages.filter((stage) => stage.inputs.some(({ source }) => source === name));
  }
}
