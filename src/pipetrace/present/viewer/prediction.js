// The predictions: the first with all its layers, the others collapsed. A layer is drawn when it is first expanded.

import { bars } from "viewer/chart.js";
import { counted, h } from "viewer/dom.js";
import { afterTraining } from "viewer/epochs/epochs.js";
import { outcome } from "viewer/outcome.js";
import { image, thumbnail } from "viewer/image.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").LayerView} LayerView */
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
    h("h2", { id: "prediction-title" }, "Prediction", h("small", {}, counted(view.layers.length, "layer"))),
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
  // If the outcome is drawn above, the last layer stays collapsed.
  const open = view.outcomes.length ? -1 : view.layers.length - 1;
  return [
    h("p", { class: "muted" }, view.title),
    h("p", { class: "verdict" }, view.verdict),
    ...view.outcomes.map((each) => outcome(each, colormaps)),
    h("div", { class: "layers" }, ...view.layers.map((layer, index) => panel(layer, colormaps, index === open))),
    view.omitted ? h("p", { class: "muted" }, view.omitted) : "",
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

/**
 * A layer; its contents are drawn when it is first expanded.
 *
 * @param {LayerView} layer
 * @param {Colormaps} colormaps
 * @param {boolean} open
 * @returns {HTMLElement}
 */
function panel(layer, colormaps, open) {
  const body = h("div", { class: "body" });
  const fill = () => {
    if (body.childElementCount) return;
    body.append(
      h("p", {}, layer.text),
      ...(layer.image ? [image(layer.image, colormaps)] : []),
      ...(layer.bars.length ? [bars(layer.bars, `${layer.title}: the probability of each class`)] : []),
    );
  };
  if (open) fill();
  const winner = layer.bars.find((bar) => bar.marked);
  return h(
    "details",
    { id: layer.id, class: "layer", open, ontoggle: fill },
    h(
      "summary",
      {},
      h("span", { class: "place" }, `Layer ${layer.number}`),
      h("span", { class: "title" }, layer.title),
      h("span", { class: "shape" }, layer.shape),
      layer.image && thumbnail(layer.image, colormaps),
      winner && h("span", { class: "winner" }, `'${winner.name}' ${winner.text}`),
    ),
    body,
  );
}
