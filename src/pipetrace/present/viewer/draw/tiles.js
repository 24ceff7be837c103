// Many maps side by side on one canvas, which takes a browser far less time than a canvas for each.

import { paintMaps } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { plane } from "viewer/draw/slice.js";

/** @typedef {import("viewer/model/values.js").Values} Values */

/**
 * @param {import("viewer/draw/slice.js").Slice} slice of a map
 * @param {object} which
 * @param {number} [which.first] channel
 * @param {number} which.count of channels
 * @param {number} which.across so many in a line
 * @param {number} which.gap between them, in values
 * @returns {{ element: HTMLCanvasElement, draw: (values: Values, place: readonly number[], scale: import("viewer/draw/picture.js").Scale) => void }}
 *   its second function paints the maps at a place, whichever channel that has
 */
export function tiles(slice, { first = 0, count, across, gap }) {
  const lines = Math.ceil(count / across);
  const element = h("canvas", { "aria-hidden": "true", width: across * (slice.columns + gap) - gap, height: lines * (slice.rows + gap) - gap });
  return {
    element,
    draw: (values, place, { most, ramp }) => {
      const before = place.slice(0, -1);
      const maps = Array.from({ length: count }, (_, at) => ({
        values: plane(values, slice, [...before, first + at]),
        left: (at % across) * (slice.columns + gap),
        top: Math.floor(at / across) * (slice.rows + gap),
      }));
      paintMaps(element, maps, slice.columns, most, ramp);
    },
  };
}
