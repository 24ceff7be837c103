// The recorded rows: choose one, and every picture follows it.

import { paint, paintColours } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { isImage } from "viewer/explore/place.js";
import { scaleOf } from "viewer/explore/picture.js";
import { plane, sliceOf } from "viewer/explore/slice.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {Document} view
 * @param {Model} model
 * @param {State} state
 * @returns {HTMLElement | null} nothing where there is only one
 */
export function rows(view, model, state) {
  const followed = [...model.rows.all.values()].filter((row) => row.followed);
  if (followed.length < 2) return null;
  const predictions = [view.prediction, ...view.others];
  const buttons = followed.map((row) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const drawn = rowPicture(canvas, model, row.row);
    if (drawn) state.watch("theme", () => void rowPicture(canvas, model, row.row));
    const made = predictions[row.followed?.position ?? 0];
    return h(
      "button",
      { type: "button", class: "row", onclick: () => state.set("row", row.row) },
      drawn && canvas,
      h("span", {}, h("b", {}, made?.name ?? `Row ${row.row}`), h("small", {}, made?.verdict ?? "")),
    );
  });
  state.watch("row", () => {
    buttons.forEach((button, at) => button.setAttribute("aria-pressed", String(followed[at].row === state.now.row)));
  });
  return h("div", { class: "rows", id: "rows", role: "group", tabindex: -1, "aria-label": "The row that is followed" }, ...buttons);
}

/**
 * Paint the first source of a row, where that is an image.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Model} model
 * @param {number} row
 * @returns {boolean} whether it is one
 */
export function rowPicture(canvas, model, row) {
  const source = model.stages.find((stage) => !stage.inputs.length && isImage(model, stage));
  const values = source && model.recorded({ row, epoch: model.end }, source.name);
  if (!values || values.shape.length < 2) return false;
  if (values.shape.length === 3 && values.shape[2] === 3) {
    paintColours(canvas, values.data, values.shape[1], 0, values.data.some((value) => value > 1) ? 255 : 1);
    return true;
  }
  const slice = sliceOf(values.shape);
  const { most, ramp } = scaleOf(values.data, true);
  paint(canvas, plane(values, slice, values.shape.map(() => 0)), slice.columns, most, ramp);
  return true;
}
