// The stages as tabs, each with its map for the row and the place that are looked at.

import { paint } from "viewer/colour.js";
import { h, whenSeen } from "viewer/dom.js";
import { extentOf, openStage, placeIn } from "viewer/explore/place.js";
import { scaleOver } from "viewer/draw/scales.js";
import { plane, sliceOf } from "viewer/draw/slice.js";

const MOST_BARS = 12;
const LENGTH = 32;

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {Document} view
 * @param {Model} model
 * @param {State} state
 * @returns {HTMLElement}
 */
export function stageTabs(view, model, state) {
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Stages" });
  const open = (/** @type {Layer} */ stage) => {
    openStage(model, state, stage);
    // The tabs stay in view where the stage is longer than the screen: another one is read from its top.
    const panel = tabs.nextElementSibling;
    if (panel && panel.getBoundingClientRect().top < tabs.getBoundingClientRect().bottom - 1) panel.scrollIntoView({ block: "start" });
  };
  const words = new Map(view.stages.map((stage) => [stage.name, stage]));
  /** @type {HTMLCanvasElement[]} */
  const canvases = [];
  const buttons = model.stages.map((stage) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const text = words.get(stage.name);
    const button = h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-controls": "panel",
        onclick: () => open(stage),
      },
      canvas,
      h("span", {}, h("b", {}, text?.title ?? stage.name, text?.findings.length ? h("i", { class: "flag", title: "a finding" }, " !") : null), h("small", {}, extentOf(model, stage))),
    );
    canvases.push(canvas);
    return button;
  });
  tabs.append(...buttons);
  const draw = () => model.stages.forEach((stage, at) => thumbnail(canvases[at], model, state, stage));
  state.watch(["row", "epoch", "place", "theme"], whenSeen(tabs, draw));
  tabs.addEventListener("keydown", (event) => {
    const at = model.stages.findIndex((stage) => stage.name === state.now.stage);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    const stage = next === undefined ? undefined : model.stages[next];
    if (!stage) return;
    event.preventDefault();
    open(stage);
    buttons[next ?? 0]?.focus({ preventScroll: true });
  });
  state.watch("stage", () => {
    model.stages.forEach((stage, at) => {
      const chosen = stage.name === state.now.stage;
      buttons[at]?.setAttribute("aria-selected", String(chosen));
      buttons[at]?.setAttribute("tabindex", chosen ? "0" : "-1");
      if (chosen && buttons[at]) tabs.scrollLeft = buttons[at].offsetLeft - tabs.offsetLeft - 40;
    });
  });
  return tabs;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 */
function thumbnail(canvas, model, state, stage) {
  const values = model.output(state.at, stage.name);
  if (!values) return;
  if (values.shape.length < 2 && values.data.length <= MOST_BARS) return lines(canvas, values.data, scaleOver(model, state, stage, ({ data }) => data, "all"));
  const place = placeIn(model, state, stage);
  const slice = sliceOf(values.shape, 32);
  const shown = plane(values, slice, place);
  const { most, ramp } = scaleOver(model, state, stage, (each) => plane(each, slice, place), slice.name(place));
  paint(canvas, shown, slice.columns, most, ramp);
}

/**
 * Few values as bars: a block of colour for each would say less.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} data
 * @param {import("viewer/draw/picture.js").Scale} scale
 */
function lines(canvas, data, { most, ramp }) {
  const shown = new Float32Array(data.length * LENGTH);
  data.forEach((value, at) => {
    const end = Math.round((LENGTH * Math.abs(value)) / most);
    shown.fill(value < 0 ? -most : most, at * LENGTH, at * LENGTH + Math.min(LENGTH, end || 0));
  });
  paint(canvas, shown, LENGTH, most * 1.6, ramp);
}
