// Target, output and difference of the row that is followed, for a mask or an image.

import { h } from "viewer/dom.js";
import { legendOf, scaleOf } from "viewer/draw/picture.js";
import { values } from "viewer/model/values.js";
import { classesOf, sharesOf } from "viewer/rows/outcomes.js";
import { paintImage } from "viewer/rows/thumbnail.js";

/** @typedef {import("viewer/document.js").OutputView} OutputView */
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
    const { place, text } = model.row(state.now.row);
    if (place === null) return element.replaceChildren(h("p", { class: "muted" }, "Choose a row to see its target, its output and their difference."));
    element.replaceChildren(...targetAndOutput(outcomes.view, outcomes.given(outcomes.nearest(state.now.epoch), place), outcomes.wanted(place), text));
  };
  return { element, draw, mark: draw };
}

/**
 * @param {OutputView} view
 * @param {Values} given
 * @param {Values} wanted
 * @param {string} text which row it is
 * @returns {HTMLElement[]} target and output on one scale, and their difference
 */
export function targetAndOutput(view, given, wanted, text) {
  const [output, target] = asImages(view, given, wanted);
  const difference = values(output.shape, output.data.map((value, at) => value - target.data[at]));
  const scale = scaleOf([...output.data, ...target.data], true);
  const signed = { most: scaleOf(difference.data).most, ramp: /** @type {const} */ ("signed") };
  return [
    { title: "Target", values: target, scale },
    { title: "Output", values: output, scale },
    { title: "Output minus target", values: difference, scale: signed },
  ].map(({ title, values: each, scale: { most, ramp } }) => {
    const canvas = h("canvas", { role: "img", "aria-label": `${title} of ${text}` });
    paintImage(canvas, each, { most, ramp });
    return h("div", {}, h("p", { class: "caption" }, title), canvas, legendOf({ most, ramp }));
  });
}

/**
 * @param {OutputView} view
 * @param {Values} given
 * @param {Values} wanted
 * @returns {[Values, Values]} of one shape: of classes, their numbers
 */
function asImages(view, given, wanted) {
  const [rows, columns, count] = given.shape;
  if (view.form !== "mask") return [given, values(given.shape, wanted.data)];
  if (count === 1) return [values([rows, columns, 1], Float32Array.from(sharesOf(view, given.data))), values([rows, columns, 1], wanted.data)];
  const numbers = [classesOf(view, given), classesOf(view, wanted, given.shape)];
  return /** @type {[Values, Values]} */ (numbers.map((each) => values([rows, columns, 1], Float32Array.from(each))));
}
