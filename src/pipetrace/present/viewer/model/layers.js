// The layer families that the page can compute, by the names of their layers.

import { activation } from "viewer/model/activation.js";
import { attention } from "viewer/model/attention.js";
import { convolution } from "viewer/model/convolution.js";
import { dense, embedding } from "viewer/model/dense.js";
import { merging } from "viewer/model/merging.js";
import { normalization } from "viewer/model/normalization.js";
import { pooling } from "viewer/model/pooling.js";
import { recurrent } from "viewer/model/recurrent.js";
import { reshaping } from "viewer/model/reshaping.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {Record<string, Values>} Weights by name, such as "kernel" */
/** @typedef {Uint8Array | null | undefined} Mask one number a step, 0 where it is hidden */

/**
 * @typedef {object} Layer a stage of the model
 * @property {string} name
 * @property {string} layer its class
 * @property {Record<string, any>} config as Keras keeps it
 * @property {{ source: string, output: number }[]} inputs the stages whose outputs it receives
 * @property {{ shape: number[] }[]} outputs without the axis of rows
 * @property {string[]} words what its numbers stand for; none where that is not recorded
 * @property {number} parameters how many it holds
 * @property {string[]} filters what each of its filters looks for, in words
 */

/**
 * @typedef {object} Term one input value's part in an output value
 * @property {string} [label] what it is, where it has no place in an input
 * @property {number} [input] which input it is of, the first when left out
 * @property {readonly number[] | null} place where it stands; null in the padding
 * @property {number} value
 * @property {number} weight
 * @property {number} product
 * @property {Term[]} [within] what the value itself is the sum of, inside the same layer
 */

/**
 * @typedef {object} Origin how one output value came to be
 * @property {string} how "sum", "mean", "product", "largest", "smallest", "copy", "look-up" or "normalise"
 * @property {Term[]} terms
 * @property {number | null} bias
 * @property {string} activation "linear" for none
 * @property {{ kernel: number[], channels: number }} [window] of a convolution: the terms are its places, row by row,
 *   and at each place its channels
 * @property {Record<string, number>} [steps] of a normalisation: what is subtracted, divided by, multiplied, added
 */

/**
 * @typedef {object} Family
 * @property {string[]} layers the names of their classes
 * @property {(stage: Layer, inputs: Values[], weights: Weights, masks: Mask[]) => Values | Values[] | null} compute
 *   the outputs, or null where the layer's settings are beyond what is computed here
 * @property {(stage: Layer, inputs: Values[], masks: Mask[]) => Mask} [mask] that goes on with the first output
 * @property {(stage: Layer, inputs: Values[], weights: Weights, place: readonly number[], masks: Mask[]) =>
 *   Origin | null} [origin]
 * @property {(stage: Layer, inputs: Values[], weights: Weights, masks: Mask[], unit: number) =>
 *   { steps: import("viewer/model/recurrent.js").Step[], unit: number, layer: string } | null} [steps] of a recurrent
 *   layer, for one unit
 */

const FAMILIES = [convolution, pooling, dense, embedding, normalization, activation, reshaping, merging, recurrent, attention];

/** @type {Map<string, Family>} */
export const LAYERS = new Map(FAMILIES.flatMap((family) => family.layers.map((layer) => [layer, family])));
