// All channels of a stage, small, on one scale.

import { paint, theme } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { rove } from "viewer/explore/rove.js";
import { isImage, placeIn } from "viewer/explore/place.js";
import { acrossEpochs, scaleOver } from "viewer/draw/scales.js";
import { plane, sliceOf } from "viewer/draw/slice.js";
import { counted } from "viewer/figures.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/values.js").Values} Values */

const MOST_TILES = 64;

/**
 * All channels of a stage, small, on one scale; the chosen one stays chosen in every stage.
 *
 * @param {Context} context
 * @param {Values} output
 * @returns {{ element: HTMLElement, draw: (place: number[]) => void, mark: (place: number[]) => void } | null}
 */
export function channels({ model, state, stage }, output) {
  const count = output.shape[output.shape.length - 1];
  if (output.shape.length < 3 || count < 2 || isImage(model, stage)) return null;
  const slice = sliceOf(output.shape);
  const shown = Math.min(count, MOST_TILES);
  const canvases = Array.from({ length: shown }, () => h("canvas", { "aria-hidden": "true", width: slice.columns, height: slice.rows }));
  const choose = (/** @type {number} */ channel) => {
    const place = placeIn(model, state, stage);
    state.set("place", [...place.slice(0, -1), channel]);
  };
  const buttons = canvases.map((canvas, channel) =>
    h(
      "button",
      { type: "button", "aria-label": `Channel ${channel}`, onclick: () => choose(channel) },
      canvas,
      h("small", {}, String(channel)),
    ),
  );
  const grid = h("div", { class: "tiles", role: "group", "aria-label": "Channels" }, ...buttons);
  rove(grid);
  const more = shown < count ? ` The first ${shown} of ${counted(count)}.` : "";
  const element = h(
    "div",
    {},
    h("h4", { class: "above" }, `${counted(count)} channels`, h("small", {}, `Choose one: it stays chosen in every stage. One scale for all${acrossEpochs(model, stage) ? " channels and epochs" : ""}.${more}`)),
    grid,
  );
  let [painted, marked] = ["", -1];
  return {
    element,
    draw: (place) => {
      const values = model.output(state.at, stage.name);
      if (!values) return;
      const { most, ramp } = scaleOver(model, state, stage, ({ data }) => data, "all");
      const key = `${state.now.row} ${model.changes} ${state.now.epoch} ${theme()} ${place.slice(0, -3)} ${most} ${ramp}`;
      if (painted === key) return;
      painted = key;
      canvases.forEach((canvas, channel) => {
        paint(canvas, plane(values, slice, [...place.slice(0, -1), channel]), slice.columns, most, ramp);
      });
    },
    mark: (place) => {
      const chosen = place[place.length - 1];
      if (chosen === marked) return;
      marked = chosen;
      buttons.forEach((button, channel) => {
        button.setAttribute("aria-pressed", String(channel === chosen));
        button.tabIndex = channel === Math.min(chosen, shown - 1) ? 0 : -1;
      });
    },
  };
}
