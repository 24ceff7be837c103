// Rows through the layers, each layer to be opened: the first prediction in full, the others collapsed.

import { bars } from "viewer/chart.js";
import { h } from "viewer/dom.js";
import { outcome } from "viewer/outcome.js";
import { image, thumbnail } from "viewer/image.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").LayerView} LayerView */
/** @typedef {import("viewer/document.js").PredictionView} PredictionView */
/** @typedef {import("viewer/image.js").Ramps} Ramps */

/**
 * @param {Document} view
 * @param {Ramps} ramps
 * @returns {HTMLElement | null}
 */
export function prediction({ prediction: view, others }, ramps) {
  if (!view) return null;
  return h(
    "section",
    { "aria-labelledby": "prediction-title" },
    h("h2", { id: "prediction-title" }, "Prediction", h("small", {}, count(view.layers.length))),
    ...shown(view, ramps),
    others.length > 0 && h("h3", { class: "others" }, "Other rows"),
    ...others.map((other) => collapsed(other, ramps)),
  );
}

/**
 * @param {number} layers
 * @returns {string}
 */
function count(layers) {
  return layers === 1 ? "1 layer" : `${layers} layers`;
}

/**
 * @param {PredictionView} view
 * @param {Ramps} ramps
 * @returns {(HTMLElement | "")[]}
 */
function shown(view, ramps) {
  // Where the outcome is drawn already, the last layer can stay collapsed.
  const open = view.outcomes.length ? -1 : view.layers.length - 1;
  return [
    h("p", { class: "muted" }, view.title),
    h("p", { class: "verdict" }, view.verdict),
    ...view.outcomes.map((each) => outcome(each, ramps)),
    h("div", { class: "layers" }, ...view.layers.map((layer, index) => panel(layer, ramps, index === open))),
    view.omitted ? h("p", { class: "muted" }, view.omitted) : "",
    view.check ? h("p", { class: "muted" }, view.check) : "",
  ];
}

/**
 * Another prediction, drawn when it is first opened.
 *
 * @param {PredictionView} view
 * @param {Ramps} ramps
 * @returns {HTMLElement}
 */
function collapsed(view, ramps) {
  const body = h("div", { class: "body" });
  const fill = () => {
    if (!body.childElementCount) body.append(...shown(view, ramps));
  };
  return h(
    "details",
    { id: view.id, class: "other", ontoggle: fill },
    h("summary", {}, h("strong", {}, view.name), h("span", {}, view.verdict)),
    body,
  );
}

/**
 * A layer, collapsed; its contents are drawn when it is first opened.
 *
 * @param {LayerView} layer
 * @param {Ramps} ramps
 * @param {boolean} open
 * @returns {HTMLElement}
 */
function panel(layer, ramps, open) {
  const body = h("div", { class: "body" });
  const fill = () => {
    if (body.childElementCount) return;
    body.append(
      h("p", {}, layer.text),
      ...(layer.image ? [image(layer.image, ramps)] : []),
      ...(layer.bars.length ? [bars(layer.bars, `${layer.title}: the score of each class`)] : []),
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
      layer.image && thumbnail(layer.image, ramps),
      winner && h("span", { class: "winner" }, `'${winner.name}' ${winner.text}`),
    ),
    body,
  );
}
