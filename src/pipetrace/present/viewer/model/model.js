// The recorded model: its stages, weights and rows, computed when looked at and compared with what was recorded.

import { whenIdle } from "viewer/dom.js";
import { decode } from "viewer/model/decode.js";
import { Edits } from "viewer/model/edits.js";
import { Evaluation } from "viewer/model/evaluate.js";
import { LAYERS } from "viewer/model/layers.js";
import { OWN, Rows } from "viewer/model/rows.js";
import { valueAt } from "viewer/model/values.js";

/** @typedef {import("viewer/document.js").ModelView} ModelView */
/** @typedef {import("viewer/model/rows.js").Row} Row */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {{ row: number, epoch: number }} At a row, by its number in the data, under the weights after an epoch */

const MOST_KEPT = 60;
/** So many multiplications are done while something is drawn, a few milliseconds; more are put off. */
const MOST_WORK = 2e6;
/** The largest difference that still counts as agreement, as a share of the largest value where that is above 1. */
const TOLERANCE = 1e-5;
/** The same after earlier epochs, of which the page has large weights and outputs in 16 bits. */
const TOLERANCE_16 = 2e-3;

export class Model {
  /** @param {ModelView} view */
  constructor(view) {
    /** @type {Layer[]} */
    this.stages = view.stages.map((stage) => ({ ...stage, config: JSON.parse(stage.config) }));
    /** @type {Map<string, Layer>} */
    this.byName = new Map(this.stages.map((stage) => [stage.name, stage]));
    this.omitted = view.omitted;
    this.sections = view.sections;
    this.rows = new Rows(view);
    /** The epoch that ended last, and the number that stands for the model as training left it. */
    this.last = view.last;
    this.end = view.last + (view.restored ? 1 : 0);
    this.outputs = view.outputs.map(({ source }) => source);
    this.earlier = new Map(view.epochs.map((epoch) => [epoch.number, epoch]));
    /** The epochs whose weights are here, in order. */
    this.epochs = [...view.epochs.filter(({ weights }) => Object.keys(weights).length).map(({ number }) => number), this.end];
    this.fixed = new Set(view.stages.filter((stage) => stage.fixed).map((stage) => stage.name));
    this.owners = new Map(view.stages.map((stage) => [stage.name, stage.owner]));
    /** @type {Map<string, Weights | null>} as training left them */
    this.weights = new Map();
    for (const stage of view.stages) {
      const own = Object.entries(stage.weights).map(([name, tensor]) => [name, decode(tensor)]);
      this.weights.set(stage.name, Object.fromEntries(own));
    }
    /** @type {Map<number, Map<string, Weights | null>>} by epoch */
    this.weightsBy = new Map([[this.end, this.weights]]);
    this.edits = new Edits(this);
    /** @type {Map<string, string[]>} */
    this.names = new Map(view.stages.map((stage) => [stage.name, stage.unit_names]));
    /** How often the reader has changed the row of their own. */
    this.owned = 0;
    /** @type {Map<string, Evaluation>} */
    this.passes = new Map();
    /** How many multiplications may be done now. */
    this.allowance = { left: Infinity };
    /** @type {Map<string, { pass: Evaluation, stage: string }>} what is put off, by row, epoch and stage */
    this.waiting = new Map();
    this.works = false;
    /** Called when all that was put off is there. */
    this.arrived = () => {};
  }

  /**
   * Do something that draws: what takes long is then computed piece by piece afterwards, and `arrived` is called.
   *
   * @template T
   * @param {() => T} draw
   * @param {number} [work] how many multiplications it may take
   * @returns {T}
   */
  within(draw, work = Math.min(this.allowance.left, MOST_WORK)) {
    const { left } = this.allowance;
    this.allowance.left = work;
    try {
      return draw();
    } finally {
      this.allowance.left = left;
    }
  }

  /**
   * @param {At} at
   * @param {string} stage
   * @returns {boolean} whether a stage is still being computed
   */
  isWaiting({ row, epoch }, stage) {
    return this.waiting.has(`${row} ${this.nearest(epoch)} ${stage}`);
  }

  /**
   * @param {Evaluation} pass
   * @param {string} key of it
   * @param {string} stage to compute when nothing else is to be done
   */
  putOff(pass, key, stage) {
    // Rows that are no longer looked at need not be computed.
    for (const other of [...this.waiting.keys()]) if (other.split(" ")[0] !== key.split(" ")[0]) this.waiting.delete(other);
    this.waiting.set(`${key} ${stage}`, { pass, stage });
    if (this.works) return;
    this.works = true;
    const step = (/** @type {number} */ ms) => {
      const until = performance.now() + ms;
      for (const [name, each] of this.waiting) {
        if (!each.pass.advance(each.stage, until)) return whenIdle(step);
        this.waiting.delete(name);
      }
      this.works = false;
      this.arrived();
    };
    whenIdle(step);
  }

  /**
   * @param {number} epoch
   * @returns {number} the epoch whose weights stand for it: the same one, or the nearest that is here
   */
  nearest(epoch) {
    return this.epochs.reduce((best, each) => (Math.abs(each - epoch) < Math.abs(best - epoch) ? each : best));
  }

  /**
   * @param {number} epoch one whose weights are here
   * @returns {Map<string, Weights | null>} by stage; null where not all of a stage's weights were kept
   */
  weightsAfter(epoch) {
    return this.edits.weights(epoch) ?? this.recordedWeights(epoch);
  }

  /**
   * @param {number} epoch one whose weights are here
   * @returns {Map<string, Weights | null>} as they were recorded
   */
  recordedWeights(epoch) {
    const known = this.weightsBy.get(epoch);
    if (known) return known;
    const kept = this.earlier.get(epoch)?.weights ?? {};
    /** @type {Map<string, Weights | null>} */
    const found = new Map();
    for (const [stage, final] of this.weights) {
      const tensors = Object.keys(final ?? {}).map((name) => /** @type {const} */ ([name, kept[`${this.owners.get(stage)}/${name}`]]));
      const whole = tensors.every(([, tensor]) => tensor);
      found.set(stage, whole ? Object.fromEntries(tensors.map(([name, tensor]) => [name, this.rows.decode(tensor)])) : null);
    }
    this.weightsBy.set(epoch, found);
    return found;
  }

  /**
   * @param {At} at
   * @param {string} stage
   * @returns {Weights} a stage's weights; empty where they are not here
   */
  weightsOf({ epoch }, stage) {
    return this.weightsAfter(this.nearest(epoch)).get(stage) ?? {};
  }

  /**
   * @param {At} at
   * @param {string} stage
   * @returns {Values | null} what was recorded
   */
  recorded({ row, epoch }, stage) {
    const near = this.nearest(epoch);
    const given = this.rows.given(row, stage);
    if (given) return given;
    if (this.edits.reach(near, stage)) return null;
    if (near === this.end || this.fixed.has(stage)) {
      const found = this.rows.followed(row, stage);
      if (found) return found;
    }
    return this.rows.result(row, stage, near === this.end ? null : near);
  }

  /**
   * @param {At} at
   * @returns {Evaluation} the forward pass of a row, for one use
   */
  passOnce({ row, epoch }) {
    const near = this.nearest(epoch);
    return new Evaluation(this.byName, this.weightsAfter(near), (stage) => this.recorded({ row, epoch: near }, stage));
  }

  /**
   * @param {At} at
   * @returns {Evaluation} the forward pass of a row; the latest ones are kept
   */
  pass(at) {
    const key = `${at.row} ${this.nearest(at.epoch)}`;
    const known = this.passes.get(key);
    const found = known ?? this.passOnce(at);
    if (!known) found.limit(this.allowance, (stage) => this.putOff(found, key, stage));
    this.passes.delete(key);
    this.passes.set(key, found);
    const [oldest] = this.passes.keys();
    if (this.passes.size > MOST_KEPT) this.passes.delete(oldest);
    return found;
  }

  /**
   * @param {At} at
   * @returns {boolean} whether the forward pass of a row is kept
   */
  isKept({ row, epoch }) {
    return this.passes.has(`${row} ${this.nearest(epoch)}`);
  }

  /**
   * Compute the model for values of the reader's own: the row `OWN` is theirs from now on.
   *
   * @param {Record<string, Values>} given by stages without inputs, or the steps after them
   */
  takeOwn(given) {
    this.rows.own = new Map(Object.entries(given));
    this.owned += 1;
    this.forget((key) => key.startsWith(`${OWN} `));
  }

  /** @returns {number} how often the reader has changed a row or a weight */
  get changes() {
    return this.owned + this.edits.count;
  }

  /**
   * @param {At} at
   * @returns {string} another one after the reader has changed this row, or the weights after this epoch
   */
  version({ row, epoch }) {
    return `${row === OWN ? this.owned : ""} ${this.edits.changedAt.get(this.nearest(epoch)) ?? ""}`;
  }

  /**
   * @param {number} epoch
   * @returns {boolean} whether the reader changed weights that stand for it
   */
  isEdited(epoch) {
    return this.edits.weights(this.nearest(epoch)) !== undefined;
  }

  /**
   * @param {number} epoch
   * @returns {string} which weights stand for it, in words
   */
  weightsText(epoch) {
    return this.isEdited(epoch) ? "weights that you changed" : "the recorded weights";
  }

  /** @param {(key: string) => boolean} which of the passes are no longer right, by row and epoch */
  forget(which) {
    for (const key of [...this.passes.keys()]) if (which(key)) this.passes.delete(key);
    for (const key of [...this.waiting.keys()]) if (which(key)) this.waiting.delete(key);
  }

  /**
   * @param {At} at
   * @param {string} stage
   * @returns {Values | null} the first output: as recorded, or else computed
   */
  output(at, stage) {
    return this.recorded(at, stage) ?? this.pass(at).get(stage)?.outputs[0] ?? null;
  }

  /**
   * @param {At} at
   * @param {Layer} stage
   * @returns {ReturnType<Evaluation["inputs"]>}
   */
  inputs(at, stage) {
    return this.pass(at).inputs(stage);
  }

  /**
   * @param {At} at
   * @param {string} stage
   * @returns {boolean} whether a stage's output is computed here, not only recorded
   */
  isComputed(at, stage) {
    const pass = this.pass(at);
    return pass.get(stage) !== null && pass.computed.has(stage);
  }

  /**
   * How a value came to be, where its family explains that.
   *
   * @param {At} at
   * @param {Layer} stage
   * @param {readonly number[]} place
   * @returns {import("viewer/model/layers.js").Origin | null}
   */
  origin(at, stage, place) {
    const received = this.inputs(at, stage);
    const family = LAYERS.get(stage.layer);
    if (!received || !family?.origin || !this.isComputed(at, stage.name)) return null;
    return family.origin(stage, received.inputs, this.weightsOf(at, stage.name), place, received.masks);
  }

  /**
   * A computed value beside the recorded one.
   *
   * @param {At} at
   * @param {Layer} stage
   * @param {readonly number[]} place
   * @returns {{ computed: number, recorded: number | null, agrees: boolean } | null}
   */
  compared(at, stage, place) {
    const result = this.isComputed(at, stage.name) ? this.pass(at).get(stage.name)?.outputs[0] : null;
    if (!result) return null;
    const computed = valueAt(result, place);
    const all = this.recorded(at, stage.name);
    if (!all) return { computed, recorded: null, agrees: true };
    const recorded = valueAt(all, place);
    const agrees = Object.is(computed, recorded) || Math.abs(computed - recorded) <= this.tolerance(at, all);
    return { computed, recorded, agrees };
  }

  /**
   * The model's outputs for a row beside the recorded ones.
   *
   * @param {At} at
   * @returns {{ difference: number, agrees: boolean } | null} the largest difference; null where nothing was recorded or
   *   computed
   */
  agreement(at) {
    const found = this.outputs.flatMap((stage) => {
      const computed = this.isComputed(at, stage) ? this.pass(at).get(stage)?.outputs[0] : null;
      const recorded = computed && this.recorded(at, stage);
      if (!computed || !recorded) return [];
      let difference = 0;
      recorded.data.forEach((value, k) => {
        // NaN where NaN was recorded agrees.
        if (!Object.is(value, computed.data[k])) difference = Math.max(difference, Math.abs(value - computed.data[k]));
      });
      return [{ difference, agrees: difference <= this.tolerance(at, recorded) }];
    });
    if (!found.length) return null;
    return { difference: Math.max(...found.map((each) => each.difference)), agrees: found.every((each) => each.agrees) };
  }

  /**
   * @param {At} at
   * @param {Values} recorded
   * @returns {number} the difference that still counts as agreement
   */
  tolerance({ epoch }, recorded) {
    const largest = recorded.data.reduce((most, value) => (Math.abs(value) > most ? Math.abs(value) : most), 1);
    return (this.nearest(epoch) === this.end ? TOLERANCE : TOLERANCE_16) * largest;
  }

  /**
   * @param {number} row
   * @returns {Row} which row it is
   */
  row(row) {
    const own = { row: OWN, label: null, label_text: "", text: "your own row", followed: null, place: null, validation: false };
    return this.rows.all.get(row) ?? own;
  }

  /**
   * @param {string} stage
   * @returns {string[]} the names of the values along its last axis, such as those of the classes; empty if they have none
   */
  unitNames(stage) {
    return this.names.get(stage) ?? [];
  }

  /**
   * The place that a copied value comes from: before a Flatten, a Reshape or a Dropout.
   *
   * @param {At} at
   * @param {Layer} stage
   * @param {readonly number[]} place
   * @returns {{ stage: Layer, place: readonly number[] }}
   */
  traced(at, stage, place) {
    const origin = this.origin(at, stage, place);
    const [term] = origin?.terms ?? [];
    const before = this.byName.get(stage.inputs[term?.input ?? 0]?.source ?? "");
    if (origin?.how !== "copy" || !term?.place || !before) return { stage, place };
    return this.traced(at, before, term.place);
  }

  /**
   * @param {string} name
   * @returns {Layer[]} the stages that receive a stage's output
   */
  consumers(name) {
    return this.stages.filter((stage) => stage.inputs.some(({ source }) => source === name));
  }
}
