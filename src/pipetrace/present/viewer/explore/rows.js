// The recorded rows: choose one, and every picture follows it.

import { h } from "viewer/dom.js";
import { paintRow } from "viewer/rows/thumbnail.js";

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
    const drawn = paintRow(canvas, model, row.row);
    if (drawn) state.watch("theme", () => void paintRow(canvas, model, row.row));
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
