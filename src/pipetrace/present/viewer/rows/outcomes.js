// What an output of the model gave for each kept row after an epoch, beside what it should give.

import { rowOf } from "viewer/model/decode.js";
import { size } from "viewer/model/values.js";

/** @typedef {import("viewer/document.js").OutputView} OutputView */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/values.js").Values} Values */

/**
 * @typedef {object} Came how one row came out
 * @property {number} row its number in the data
 * @property {number} place among the kept rows
 * @property {number} label its true class; -1 where there is none
 * @property {number} said the predicted class; -1 where there is none
 * @property {number} sure its probability, from 0 to 1, or else the error or the overlap, as `unit` tells
 * @property {boolean} wrong
 */

/** How right a row is, for each form: what `sure` is, and whether a larger one is worse. */
const MEASURES = /** @type {const} */ ({
  classes: "probability",
  binary: "probability",
  multilabel: "wrong labels",
  numbers: "error",
  image: "error",
  mask: "overlap",
  sequence: "wrong positions",
});

export class Outcomes {
  /**
   * @param {Model} model
   * @param {import("viewer/document.js").ResultsView} results
   * @param {number} output which one
   */
  constructor(model, results, output) {
    const kept = /** @type {import("viewer/document.js").KeptView} */ (model.rows.kept);
    this.model = model;
    this.output = output;
    this.view = results.outputs[output];
    this.measure = MEASURES[/** @type {keyof typeof MEASURES} */ (this.view.form)] ?? null;
    this.numbers = model.rows.decode(kept.rows).data;
    const validation = model.rows.decode(kept.validation).data;
    this.places = [...this.numbers.keys()].filter((place) => !results.validation || validation[place]);
    this.targets = model.rows.decode(kept.targets[output]);
    /** @type {Map<number, Came[]>} */
    this.made = new Map();
    /** The epoch that is shown. */
    this.shown = model.end;
    /** The epochs of which outputs are here, in order. */
    this.epochs = this.view.results.map(({ epoch }) => epoch);
  }

  /**
   * @param {number} epoch
   * @returns {number} the nearest epoch of which outputs are here
   */
  nearest(epoch) {
    return this.epochs.reduce((best, each) => (Math.abs(each - epoch) < Math.abs(best - epoch) ? each : best), this.model.end);
  }

  /**
   * @param {number} epoch
   * @param {number} place
   * @returns {Values} what the output was
   */
  given(epoch, place) {
    const { kept, epochs } = this.model.rows;
    const all = epoch === this.model.end ? kept?.outputs : epochs.find((each) => each.number === epoch)?.outputs;
    return rowOf(this.model.rows.decode(/** @type {any} */ (all)[this.output]), place);
  }

  /**
   * @param {number} place
   * @returns {Values} what it should be
   */
  wanted(place) {
    return rowOf(this.targets, place);
  }

  /**
   * @param {number} epoch one of `epochs`
   * @returns {Came[]} of each row whose output is finite
   */
  at(epoch) {
    let found = this.made.get(epoch);
    if (!found) {
      found = this.places.flatMap((place) => {
        const given = this.given(epoch, place);
        return given.data.every(Number.isFinite) ? [this.came(place, given, this.wanted(place))] : [];
      });
      this.made.set(epoch, found);
    }
    return found;
  }

  /**
   * @param {number} place
   * @param {Values} given
   * @param {Values} wanted
   * @returns {Came}
   */
  came(place, given, wanted) {
    const { form } = this.view;
    const row = this.numbers[place];
    if (form === "classes" || form === "binary") {
      const shares = sharesOf(this.view, given.data);
      const said = given.data.length > 1 ? largest(given.data) : Number(given.data[0] > this.view.threshold);
      const label = wanted.data.length > 1 ? largest(wanted.data) : wanted.data[0];
      const sure = given.data.length > 1 ? shares[said] : said ? shares[0] : 1 - shares[0];
      return { row, place, label, said, sure, wrong: said !== label };
    }
    const off = this.off(given, wanted);
    return { row, place, label: -1, said: -1, sure: off, wrong: form === "mask" ? off < 1 : off > 0 };
  }

  /**
   * @param {number} place
   * @param {number} label of several
   * @param {number} epoch
   * @returns {"right" | "missed" | "extra"}
   */
  mistake(place, label, epoch) {
    const said = sharesOf(this.view, this.given(epoch, place).data)[label] > 0.5;
    if (said === this.wanted(place).data[label] > 0.5) return "right";
    return said ? "extra" : "missed";
  }

  /**
   * @param {Values} given
   * @param {Values} wanted
   * @returns {number} how far a row is off: the mean error of its numbers, how many labels or positions are wrong, or how
   *   far two masks overlap
   */
  off(given, wanted) {
    const { form } = this.view;
    const length = size(given.shape);
    if (form === "multilabel") {
      const said = sharesOf(this.view, given.data).map((share) => share > 0.5);
      return said.filter((each, at) => each !== wanted.data[at] > 0.5).length;
    }
    if (form === "numbers" || form === "image") {
      let total = 0;
      for (let at = 0; at < length; at++) total += Math.abs(given.data[at] - wanted.data[at]);
      return total / length;
    }
    const [said, truly] = [classesOf(this.view, given), classesOf(this.view, wanted, given.shape)];
    if (form === "sequence") return said.filter((each, at) => each !== truly[at]).length;
    const [both, either] = [said.filter((each, at) => each && each === truly[at]).length, said.filter((each, at) => each || truly[at]).length];
    return either ? both / either : 1;
  }
}

/**
 * @param {OutputView} view
 * @param {ArrayLike<number>} scores
 * @returns {number[]} as probabilities, where the loss takes logits
 */
export function sharesOf({ scale, form }, scores) {
  const all = Array.from(scores);
  if (scale !== "logits") return all;
  if (form !== "classes") return all.map((score) => 1 / (1 + Math.exp(-score)));
  const most = Math.max(...all);
  const powers = all.map((score) => Math.exp(score - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/**
 * @param {OutputView} view
 * @param {Values} values
 * @param {readonly number[]} [shape] of the output that a target belongs to
 * @returns {number[]} the class at each position of a mask or a sequence
 */
export function classesOf({ threshold }, values, shape = values.shape) {
  const count = shape[shape.length - 1];
  if (values.data.length !== size(shape)) return Array.from(values.data);
  if (count === 1) return Array.from(values.data, (value) => Number(value > (values.shape === shape ? threshold : 0.5)));
  return Array.from({ length: values.data.length / count }, (_, at) => largest(values.data.subarray(at * count, (at + 1) * count)));
}

/**
 * @param {ArrayLike<number>} values
 * @returns {number} the index of the largest, the first of equal ones
 */
export function largest(values) {
  let best = 0;
  for (let at = 1; at < values.length; at++) if (values[at] > values[best]) best = at;
  return best;
}

/** Of more classes than the first number as many as the second are shown: the largest, and the true one. */
const [MOST_CLASSES, MOST_SHOWN] = [20, 5];

/**
 * @param {ArrayLike<number>} shares
 * @param {...(number | null | undefined)} also classes that are shown as well
 * @returns {number[]} the classes to show: all of a few, else those that matter, the largest first
 */
export function thatMatter(shares, ...also) {
  const all = Array.from(shares, (_, at) => at);
  if (all.length <= MOST_CLASSES) return all;
  const first = all.sort((one, other) => shares[other] - shares[one]).slice(0, MOST_SHOWN);
  return [...new Set([...first, ...also.filter((each) => typeof each === "number")])];
}
