// One held-out row through the layers, each to be opened.

import { bars } from "viewer/chart.js";
import { h } from "viewer/dom.js";
import { picture, thumbnail } from "viewer/picture.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").LayerView} LayerView */
/** @typedef {import("viewer/picture.js").Ramps} Ramps */

/**
 * @param {Document} view
 * @param {Ramps} ramps
 * @returns {HTMLElement | null}
 */
export function prediction({ prediction: view }, ramps) {
  if (!view) return null;
  return h(
    "section",
    { "aria-labelledby": "prediction-title" },
    h("h2", { id: "prediction-title" }, "Prediction", h("small", {}, `${view.layers.length} layers`)),
    h("p", { class: "muted" }, view.title),
    h("p", { class: "verdict" }, view.verdict),
    h("div", { class: "layers" }, ...view.layers.map((layer, index) => panel(layer, ramps, index === view.layers.length - 1))),
    h("p", { class: "muted" }, view.check),
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
