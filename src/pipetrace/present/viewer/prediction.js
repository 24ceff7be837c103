// The predictions: the first one, the others collapsed. What each stage gave for them is in the explorer.

import { bars } from "viewer/chart.js";
import { h } from "viewer/dom.js";
import { afterTraining } from "viewer/epochs/epochs.js";
import { outcome } from "viewer/outcome.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").PredictionView} PredictionView */
/** @typedef {import("viewer/image.js").Colormaps} Colormaps */

/**
 * @param {Document} view
 * @param {import("viewer/state.js").State} state
 * @param {Colormaps} colormaps
 * @returns {HTMLElement | null}
 */
export function prediction({ prediction: view, others }, state, colormaps) {
  if (!view) return null;
  return h(
    "section",
    { "aria-labelledby": "prediction-title" },
    h("h2", { id: "prediction-title" }, "Prediction", h("small", {}, "an example that stays, whichever row is chosen")),
    afterTraining(state),
    ...shown(view, colormaps),
    others.length > 0 && h("h3", { class: "others" }, "Other rows"),
    ...others.map((other) => collapsed(other, colormaps)),
  );
}

/**
 * @param {PredictionView} view
 * @param {Colormaps} colormaps
 * @returns {(HTMLElement | "")[]}
 */
function shown(view, colormaps) {
  return [
    h("p", { class: "muted" }, view.title),
    h("p", { class: "verdict" }, view.verdict),
    ...view.outcomes.map((each) => outcome(each, colormaps)),
    ...view.layers.map((layer) => h("div", { id: layer.id, tabindex: -1 }, bars(layer.bars, `${layer.title}: the probability of each class`))),
    view.check ? h("p", { class: "muted" }, view.check) : "",
  ];
}

/**
 * Another prediction, drawn when it is first expanded.
 *
 * @param {PredictionView} view
 * @param {Colormaps} colormaps
 * @returns {HTMLElement}
 */
function collapsed(view, colormaps) {
  const body = h("div", { class: "body" });
  const fill = () => {
    if (!body.childElementCount) body.append(...shown(view, colormaps));
  };
  return h(
    "details",
    { id: view.id, class: "other", ontoggle: fill },
    h("summary", {}, h("strong", {}, view.name), h("span", {}, view.verdict)),
    body,
  );
}
