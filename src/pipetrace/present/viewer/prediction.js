// Rows through the layers, each layer to be opened: the first prediction in full, the others folded.

import { bars } from "viewer/chart.js";
import { h } from "viewer/dom.js";
import { outcome } from "viewer/outcome.js";
import { picture, thumbnail } from "viewer/picture.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").LayerView} LayerView */
/** @typedef {import("viewer/document.js").PredictionView} PredictionView */
/** @typedef {import("viewer/picture.js").Ramps} Ramps */

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
    ...others.map((other) => folded(other, ramps)),
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
  // Where the outcome is drawn already, the last layer can stay folded.
  const open = view.outcomes.length ? -1 : view.layers.length - 1;
  return [
    h("p", { class: "muted" }, view.title),
    h("p", { class: "verdict" }, view.verdict),
    ...view.outcomes.map((each) => outcome(each, ramps)),
    h("div", { class: "layers" }, ...view.layers.map((layer, index) => panel(layer, ramps, index === open))),
    view.left_out ? h("p", { class: "muted" }, view.left_out) : "",
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
function folded(view, ramps) {
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
 * A layer, folded; its contents are drawn when it is first opened.
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
      ...(layer.picture ? [picture(layer.picture, ramps)] : []),
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
      layer.picture && thumbnail(layer.picture, ramps),
      winner && h("span", { class: "winner" }, `'${winner.name}' ${winner.text}`),
    ),
    body,
  );
}
