// Layers that join several inputs.

import { axisOf, placeOf, valueAt, values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */

/** @type {Record<string, (all: number[]) => number>} */
const JOINED = {
  Add: (all) => all.reduce((sum, x) => sum + x, 0),
  Subtract: ([one, other]) => one - other,
  Multiply: (all) => all.reduce((product, x) => product * x, 1),
  Average: (all) => all.reduce((sum, x) => sum + x, 0) / all.length,
  Maximum: (all) => Math.max(...all),
  Minimum: (all) => Math.min(...all),
};

/** @type {import("viewer/model/layers.js").Family} */
export const merging = {
  layers: [...Object.keys(JOINED), "Concatenate"],
  compute(stage, inputs) {
    if (stage.layer !== "Concatenate" && inputs.some((input) => input.shape.length !== stage.outputs[0].shape.length))
      return null;
    const result = values(stage.outputs[0].shape);
    const join = JOINED[stage.layer];
    const axis = axisOf(stage.config.axis ?? -1, result.shape.length);
    if (join && inputs.every((input) => input.data.length === result.data.length)) {
      result.data.forEach((_, at) => (result.data[at] = join(inputs.map(({ data }) => data[at]))));
      return result;
    }
    for (let at = 0; at < result.data.length; at++) {
      const place = placeOf(result.shape, at);
      if (join) result.data[at] = join(inputs.map((input) => valueAt(input, within(input, place))));
      else {
        const [number, from] = part(inputs, place, axis);
        result.data[at] = valueAt(inputs[number], from);
      }
    }
    return result;
  },
  origin(stage, inputs, _, place) {
    if (stage.layer === "Concatenate") {
      const [number, from] = part(inputs, place, axisOf(stage.config.axis ?? -1, place.length));
      const value = valueAt(inputs[number], from);
      const term = { input: number, place: from, value, weight: 1, product: value };
      return { how: "copy", terms: [term], bias: null, activation: "linear" };
    }
    const terms = inputs.map((input, number) => {
      const value = valueAt(input, within(input, place));
      const weight = stage.layer === "Average" ? 1 / inputs.length : stage.layer === "Subtract" && number ? -1 : 1;
      return { input: number, place: within(input, place), value, weight, product: value * weight };
    });
    const how = { Multiply: "product", Maximum: "largest", Minimum: "smallest" }[stage.layer] ?? "sum";
    return { how, terms, bias: null, activation: "linear" };
  },
};

/**
 * @param {Values} input
 * @param {readonly number[]} place
 * @returns {number[]} the place in an input, whose axes of length 1 are repeated
 */
function within(input, place) {
  return place.map((index, axis) => (input.shape[axis] === 1 ? 0 : index));
}

/**
 * @param {readonly Values[]} inputs
 * @param {readonly number[]} place of the joined tensor
 * @param {number} axis
 * @returns {[number, number[]]} the input that the value comes from, and its place there
 */
function part(inputs, place, axis) {
  let [number, index] = [0, place[axis]];
  while (index >= inputs[number].shape[axis]) index -= inputs[number++].shape[axis];
  return [number, place.map((one, k) => (k === axis ? index : one))];
}
