// The stages as tabs, each with its map for the row and the place that are looked at.

import { paint } from "viewer/colour.js";
import { h, whenSeen } from "viewer/dom.js";
import { areTokens, extentOf, openStage, placeIn } from "viewer/explore/place.js";
import { rangesOf, scaleOver } from "viewer/draw/scales.js";
import { foldOf, plane, sliceOf } from "viewer/draw/slice.js";
import { figure } from "viewer/figures.js";
import { size } from "viewer/model/values.js";
import { isTable, paintImage, wordsOf } from "viewer/rows/thumbnail.js";

const MOST_BARS = 32;
const LENGTH = 32;
/** Of a text that is drawn as strokes: how thick these are, and what is free around them. */
const [STROKE, EDGE] = [2, 3];

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
  /** @type {(HTMLCanvasElement | HTMLSpanElement)[]} */
  const drawn = [];
  const buttons = model.stages.map((stage) => {
    const isText = !stage.inputs.length && model.rows.textOf(state.now.row) !== null;
    const seen = size(stage.outputs[0]?.shape ?? []) === 1 && !isText ? h("span", { class: "told", "aria-hidden": "true" }) : h("canvas", { "aria-hidden": "true" });
    const text = words.get(stage.name);
    const button = h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-controls": "panel",
        onclick: () => open(stage),
      },
      seen,
      h("span", {}, h("b", {}, text?.title ?? stage.name, text?.findings.length ? h("i", { class: "flag", title: "a finding" }, " !") : null), h("small", {}, extentOf(model, stage))),
    );
    drawn.push(seen);
    return button;
  });
  tabs.append(...buttons);
  const reveal = () => {
    const at = model.stages.findIndex(({ name }) => name === state.now.stage);
    const [before, chosen] = [buttons[Math.max(0, at - 1)], buttons[at]];
    if (!chosen) return;
    // With the one before it, where both have room: a part of it would be hard to read.
    const both = chosen.offsetLeft + chosen.offsetWidth - before.offsetLeft <= tabs.clientWidth;
    tabs.scrollLeft = (both ? before : chosen).offsetLeft - tabs.offsetLeft;
  };
  const draw = () => model.stages.forEach((stage, at) => thumbnail(drawn[at], model, state, stage));
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
    });
    reveal();
  });
  // They have their places once they are in the page.
  requestAnimationFrame(reveal);
  return tabs;
}

/**
 * @param {HTMLCanvasElement | HTMLSpanElement} canvas or, for a single number, its text
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 */
function thumbnail(canvas, model, state, stage) {
  const values = model.output(state.at, stage.name);
  const text = stage.inputs.length || values ? null : model.rows.textOf(state.now.row);
  if (!(canvas instanceof HTMLCanvasElement)) return void (canvas.textContent = values ? figure(values.data[0], 2) : "");
  if (text !== null) return writing(canvas, text);
  if (!values) return;
  if (values.shape.length < 2 && areTokens(model, stage)) return writing(canvas, wordsOf(stage, values));
  const ranges = isTable(model, stage) ? rangesOf(model, stage.name) : null;
  if (ranges && values.data.length <= MOST_BARS) return lines(canvas, values.data.map((value, at) => (value - ranges[at].low) / (ranges[at].high - ranges[at].low || 1)), { most: 1, ramp: "ink" });
  if (values.shape.length === 2 && values.shape[1] === 1) return void paintImage(canvas, values, scaleOver(model, state, stage, ({ data }) => data, "all"));
  if (values.shape.length < 2 && values.data.length <= MOST_BARS) return lines(canvas, values.data, scaleOver(model, state, stage, ({ data }) => data, "all"));
  const place = placeIn(model, state, stage);
  const slice = sliceOf(values.shape, values.shape.length < 2 ? foldOf(values.data.length) : undefined);
  const shown = plane(values, slice, place);
  const { most, ramp } = scaleOver(model, state, stage, (each) => plane(each, slice, place), slice.name(place));
  paint(canvas, shown, slice.columns, most, ramp);
}

/**
 * A text as strokes, as long as its words: their numbers in a vocabulary have no size.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {string} text
 */
function writing(canvas, text) {
  const cells = new Float32Array(LENGTH * LENGTH);
  let [left, top] = [EDGE, EDGE];
  for (const word of text.split(" ")) {
    const length = Math.min(LENGTH - 2 * EDGE, 2 * word.length);
    if (left + length > LENGTH - EDGE) [left, top] = [EDGE, top + 3 * STROKE];
    for (let line = top; line < Math.min(top + STROKE, LENGTH); line++) cells.fill(1, line * LENGTH + left, line * LENGTH + left + length);
    left += length + 2 * STROKE;
  }
  paint(canvas, cells, LENGTH, 1.6, "ink");
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
    if (!Number.isFinite(value)) return shown.fill(NaN, at * LENGTH, (at + 1) * LENGTH);
    const end = Math.round((LENGTH * Math.abs(value)) / most);
    shown.fill(value < 0 ? -most : most, at * LENGTH, at * LENGTH + Math.min(LENGTH, end || 0));
  });
  paint(canvas, shown, LENGTH, most * 1.6, ramp);
}
