// Target, output and difference of the row that is followed, for a mask or an image.

import { h } from "viewer/dom.js";
import { legendOf, scaleOf } from "viewer/explore/picture.js";
import { paintImage } from "viewer/rows/thumbnail.js";
import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/rows/results.js").Part} Part */
/** @typedef {import("viewer/rows/results.js").Shared} Shared */

/**
 * @param {Shared} shared
 * @returns {Part}
 */
export function compared({ state, outcomes, model }) {
  const element = h("div", { class: "compared" });
  const draw = () => {
    const place = model.row(state.now.row).place;
    if (place === null) return element.replaceChildren(h("p", { class: "muted" }, "Choose a row to see its target, its output and their difference."));
    const [given, wanted] = asImages(outcomes, outcomes.given(outcomes.nearest(state.now.epoch), place), outcomes.wanted(place));
    const difference = values(given.shape, given.data.map((value, at) => value - wanted.data[at]));
    // Target and output have one scale.
    const scale = scaleOf([...given.data, ...wanted.data], true);
    const signed = { most: scaleOf(difference.data).most, ramp: /** @type {const} */ ("signed") };
    element.replaceChildren(
      ...[
        { title: "Target", values: wanted, scale },
        { title: "Output", values: given, scale },
        { title: "Output minus target", values: difference, scale: signed },
      ].map(({ title, values: each, scale: { most, ramp } }) => {
        const canvas = h("canvas", { role: "img", "aria-label": `${title} of ${model.row(state.now.row).text}` });
        paintImage(canvas, each, { most, ramp });
        return h("div", {}, h("p", { class: "caption" }, title), canvas, legendOf({ most, ramp }));
      }),
    );
  };
  return { element, draw, mark: draw };
}

/**
 * @param {import("viewer/rows/outcomes.js").Outcomes} outcomes
 * @param {Values} given
 * @param {Values} wanted
 * @returns {[Values, Values]} of one shape: of classes, their numbers
 */
function asImages(outcomes, given, wanted) {
  const [rows, columns, count] = given.shape;
  if (outcomes.view.form !== "mask") return [given, values(given.shape, wanted.data)];
  if (count === 1) return [values([rows, columns, 1], Float32Array.from(outcomes.shares(given.data))), values([rows, columns, 1], wanted.data)];
  const numbers = [outcomes.classes(given), outcomes.classes(wanted, given.shape)];
  return /** @type {[Values, Values]} */ (numbers.map((each) => values([rows, columns, 1], Float32Array.from(each))));
}
