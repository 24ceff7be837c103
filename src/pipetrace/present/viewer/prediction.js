// The prediction of the row that is followed, after the epoch that is looked at. What each stage gave is in the explorer.

import { bars } from "viewer/chart.js";
import { h, whenSeen } from "viewer/dom.js";
import { outcome } from "viewer/outcome.js";
import { OWN } from "viewer/model/rows.js";
import { outputsOf } from "viewer/rows/outputs.js";
import { thumbnail } from "viewer/rows/thumbnail.js";
import { COMPUTING } from "viewer/words.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").PredictionView} PredictionView */
/** @typedef {import("viewer/document.js").ResultsView} ResultsView */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {Document} view
 * @param {Model | null} model
 * @param {State} state
 * @param {Epochs} epochs
 * @param {ResultsView | null} results
 * @returns {HTMLElement | null}
 */
export function prediction({ prediction: first, others }, model, state, epochs, results) {
  if (!first) return null;
  const recorded = [first, ...others];
  const which = h("small", {});
  const body = h("div", { class: "predicted" });
  const draw = () => {
    if (!model) return body.replaceChildren(...shown(first));
    const { row, epoch } = state.now;
    const found = model.row(row);
    const made = found.followed && epoch === state.end && !model.isEdited(epoch) ? recorded[found.followed.position] : null;
    const near = model.nearest(epoch);
    which.textContent = `${found.text}, ${epochs.long(near)}${near === epoch ? "" : `, as the weights ${epochs.long(epoch)} are not in this page`}`;
    body.replaceChildren(...(made ? shown(made) : [followed(model, state, results)]));
  };
  state.watch(["row", "epoch", "theme"], whenSeen(body, draw, true));
  return h("section", { "aria-labelledby": "prediction-title" }, h("h2", { id: "prediction-title" }, "Prediction", which), body);
}

/**
 * A row or an epoch of which the page has no text: what the model gave, recorded or computed.
 *
 * @param {Model} model
 * @param {State} state
 * @param {ResultsView | null} results
 * @returns {HTMLElement}
 */
function followed(model, state, results) {
  const made = outputsOf(model, results, state.at);
  const known = model.outputs.every((stage) => model.recorded(state.at, stage));
  const source = known ? "As recorded." : `${state.now.row === OWN ? "Your row: computed" : "Computed"} here from ${model.weightsText(state.now.epoch)}.`;
  const agreed = known ? model.agreement(state.at) : null;
  const check = agreed ? ` Computed again here, the largest difference is ${agreed.difference ? agreed.difference.toPrecision(2) : "0"}.` : "";
  if (!made.length && model.outputs.some((stage) => model.isWaiting(state.at, stage))) return h("p", { class: "muted" }, COMPUTING);
  if (!made.length) return h("p", { class: "muted" }, "The outputs of this row are not in this page, and not all weights that it takes to compute them.");
  return h("div", { class: "beside" }, thumbnail(model, state.now.row), h("div", {}, ...made, h("p", { class: `sourced${agreed && !agreed.agrees ? " wrong" : ""}` }, source, check)));
}

/**
 * @param {PredictionView} view
 * @returns {(HTMLElement | "")[]}
 */
function shown(view) {
  return [
    h("p", { class: "muted" }, view.title),
    h("p", { class: "verdict" }, view.verdict),
    ...view.outcomes.map((each) => outcome(each)),
    ...view.layers.map((layer) => h("div", { id: layer.id, tabindex: -1 }, bars(layer.bars, `${layer.title}: the probability of each class`))),
    view.check ? h("p", { class: "muted" }, view.check) : "",
  ];
}
