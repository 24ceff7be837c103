// The runs of a comparison: the model of each, and what of it belongs to the one row, epoch and place of the page.

import { carried } from "viewer/draw/slice.js";
import { placeIn } from "viewer/explore/place.js";
import { Model } from "viewer/model/model.js";
import { OWN } from "viewer/model/rows.js";
import { sourceOf } from "viewer/rows/thumbnail.js";
import { State } from "viewer/state.js";

/** @typedef {import("viewer/document.js").ComparedStage} ComparedStage */
/** @typedef {import("viewer/document.js").ComparisonView} ComparisonView */
/** @typedef {import("viewer/document.js").ModelView} ModelView */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */

/**
 * @typedef {object} Run that has a column of its own
 * @property {number} at its place among all runs
 * @property {string} label
 * @property {Model | null} model
 * @property {import("viewer/document.js").ResultsView | null} results
 * @property {State} state of its model: the same row, at its own epoch
 * @property {string} omitted why its values are not here, or which of them
 */

export class Runs {
  /**
   * @param {ComparisonView} view
   * @param {(ModelView | null)[]} packed
   */
  constructor(view, packed) {
    this.view = view;
    const models = packed.map((each) => each && new Model(each));
    /** The one whose rows and stages the address names. */
    this.lead = models.find((each) => each !== null) ?? null;
    /** The numbers of the epochs, without the one that stands for the end. */
    this.epochs = view.epochs.map((each) => each.epoch);
    const end = Math.max(0, ...this.epochs, ...models.map((each) => each?.end ?? 0), ...(view.rows?.epochs ?? []));
    /** @type {Run[]} */
    this.all = models.map((model, at) => ({
      at,
      label: view.labels[at],
      model,
      results: packed[at]?.results ?? null,
      state: new State(0, { stage: "", row: OWN, epoch: model?.end ?? 0 }, () => 0),
      omitted: view.omitted[at],
    }));
    /** The rows that all models were given, so that what they make of them can be compared. */
    this.common = [...(this.lead?.rows.all.keys() ?? [])].filter((row) => this.all.every((run) => !run.model || this.has(run, row)));
    const changed = view.rows?.rows.map(({ row }) => row).find((row) => this.common.includes(row));
    const first = changed ?? this.common[0] ?? OWN;
    this.state = new State(0, { stage: this.first(), row: first, epoch: end }, (stage) => this.lead?.byName.get(stage)?.outputs[0]?.shape.at(-1) ?? 0);
    this.state.within = models.reduce((within, model) => (model ? (draw) => model.within(() => within(draw)) : within), this.state.within);
    for (const run of this.all) if (run.model) run.model.arrived = () => this.state.changed("row", "epoch");
    // First of all that listens, so that all others find the runs where they belong. An address may name a row of one run.
    this.state.watch(["row", "epoch"], () => {
      if (!this.common.includes(this.state.now.row)) this.state.now.row = first;
      for (const run of this.all) Object.assign(run.state.now, { row: this.state.now.row, epoch: this.epochOf(run) });
    });
    // A scale that is known later draws all again.
    for (const run of this.all) run.state.changed = () => this.state.changed("epoch");
  }

  /** @returns {string} the stage to point at first: the first with channels, else the first with weights */
  first() {
    const has = (/** @type {Layer} */ { name }) => Object.keys(this.lead?.weights.get(name) ?? {}).length > 0;
    const stages = this.lead?.stages ?? [];
    return (stages.find((stage) => has(stage) && stage.outputs[0]?.shape.length > 2) ?? stages.find(has) ?? stages[0])?.name ?? "";
  }

  /**
   * @param {Run} run
   * @param {number} row
   * @returns {boolean} whether a run has this row: its number alone does not say that it is the same one
   */
  has({ model }, row) {
    if (!model || !this.lead || !model.rows.all.has(row)) return false;
    if (model === this.lead) return true;
    const [ours, theirs] = [this.lead, model].map((each) => each.rows.textOf(row) ?? sourceOf(each, row)?.values.data ?? null);
    if (!ours || !theirs || ours.length !== theirs.length) return false;
    return typeof ours === "string" || typeof theirs === "string" ? ours === theirs : ours.every((value, at) => Object.is(value, theirs[at]));
  }

  /**
   * @param {Run} run
   * @returns {number} the epoch of its model that belongs to the one of the page: its last one where it ended before
   */
  epochOf({ at, model }) {
    const { epoch } = this.state.now;
    return model && (epoch >= this.state.end || epoch > this.view.lengths[at]) ? model.end : epoch;
  }

  /**
   * @param {Run} run
   * @returns {string} after which epoch its values are, and why where that is another one
   */
  when(run) {
    const { epoch } = this.state.now;
    const named = (/** @type {number} */ each) => (each ? `after epoch ${each}` : "before training");
    const length = this.view.lengths[run.at];
    if (epoch < this.state.end && epoch > length) return `${named(length)}, its last`;
    if (!run.model) return epoch >= this.state.end ? "after training" : named(epoch);
    const [wanted, near] = [this.epochOf(run), run.model.nearest(this.epochOf(run))];
    const shown = near === run.model.end ? "after training" : named(near);
    return near === wanted ? shown : `${shown}: the weights ${named(wanted)} are not in this page`;
  }

  /**
   * @param {Run} run
   * @param {ComparedStage} stage
   * @returns {Layer | null} it in the model of a run
   */
  layer({ at, model }, { names }) {
    return model?.byName.get(names[at] ?? "") ?? null;
  }

  /**
   * @param {Run} run
   * @param {ComparedStage} stage
   * @returns {import("viewer/model/values.js").Values | null} what it gives for the row; null where that is not known
   */
  output(run, stage) {
    const layer = this.layer(run, stage);
    const { row } = this.state.now;
    if (!layer || !run.model || !this.common.includes(row)) return null;
    return run.model.output(run.state.at, layer.name);
  }

  /**
   * The place of a stage that is looked at: the same in all runs, or where it leads where their shapes differ.
   *
   * @param {Run} run
   * @param {ComparedStage} stage
   * @returns {number[]}
   */
  place(run, stage) {
    const shape = this.layer(run, stage)?.outputs[0]?.shape ?? [];
    const from = this.leading(stage);
    if (!from || !this.lead) return shape.map((length, axis) => (axis === shape.length - 1 ? Math.min(length - 1, this.state.now.channel ?? 0) : 0));
    return carried(placeIn(this.lead, this.state, from), from.outputs[0]?.shape ?? [], shape);
  }

  /**
   * @param {ComparedStage} stage
   * @returns {Layer | null} it in the model that the address names stages of
   */
  leading(stage) {
    const run = this.all.find(({ model }) => model === this.lead && model !== null);
    return run ? this.layer(run, stage) : null;
  }

  /**
   * @param {Run} run
   * @param {ComparedStage} stage
   * @param {readonly number[]} place in its output in this run
   */
  point(run, stage, place) {
    const [to, from] = [this.leading(stage), this.layer(run, stage)];
    if (to && from) this.state.update({ stage: to.name, place: carried(place, from.outputs[0].shape, to.outputs[0].shape) });
  }

  /** @param {number} step to the channel before or after */
  turn(step) {
    const stage = this.lead?.byName.get(this.state.now.stage);
    const count = stage?.outputs[0]?.shape.at(-1) ?? 0;
    if (!this.lead || !stage || !count) return;
    const place = placeIn(this.lead, this.state, stage);
    this.state.set("place", [...place.slice(0, -1), (place[place.length - 1] + step + count) % count]);
  }
}
