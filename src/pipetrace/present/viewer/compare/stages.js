// The stages of the runs beside each other: what each gives for the same row after the same epoch, in one scale, its kernel,
// and what was measured of it.

import { paint } from "viewer/colour.js";
import { lineChart } from "viewer/chart.js";
import { table } from "viewer/compare/parts.js";
import { h, whenSeen } from "viewer/dom.js";
import { legend, Picture } from "viewer/draw/picture.js";
import { scaleOver, weightScale, widest } from "viewer/draw/scales.js";
import { placeText, plane, sliceOf } from "viewer/draw/slice.js";
import { tiles } from "viewer/draw/tiles.js";
import { kernelPlane, strongestInput } from "viewer/epochs/cells.js";
import { isImage } from "viewer/explore/place.js";
import { brief, figure, percent } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { valueAt } from "viewer/model/values.js";
import { paintImage } from "viewer/rows/thumbnail.js";
import { COMPUTING } from "viewer/words.js";

/** @typedef {import("viewer/compare/runs.js").Run} Run */
/** @typedef {import("viewer/compare/runs.js").Runs} Runs */
/** @typedef {import("viewer/document.js").ComparedStage} ComparedStage */
/** @typedef {import("viewer/draw/picture.js").Scale} Scale */
/** @typedef {import("viewer/model/values.js").Values} Values */

const WIDTH = 168;
const KERNEL = 120;
const MOST_BARS = 12;
const MOST_MAPS = 32;
const FOLD = 32;
/** With more stages each is drawn when it is expanded. */
const MOST_EXPANDED = 16;

/**
 * @param {Runs} runs
 * @returns {HTMLElement}
 */
export function stagesOf(runs) {
  const { stages } = runs.view;
  const collapsed = stages.length > MOST_EXPANDED;
  const items = stages.map((stage, at) => {
    const body = h("div");
    const fill = () => {
      if (!body.childElementCount) body.append(...inside(runs, stage));
    };
    const title = [h("span", { class: "knot", "aria-hidden": "true" }, String(at + 1)), h("h3", {}, stage.title, h("small", {}, stage.names.find((name) => name) ?? ""))];
    if (collapsed) return h("li", {}, h("details", { ontoggle: fill }, h("summary", {}, ...title, stage.differs.length > 0 && h("span", { class: "differs" }, "set differently"), spreads(runs, stage)), body));
    fill();
    return h("li", {}, h("div", { class: "stagetitle" }, ...title), body);
  });
  return h("ol", { class: "pairs" }, ...items);
}

/**
 * @param {Runs} runs
 * @param {ComparedStage} stage
 * @returns {HTMLElement | null} the spread of its output in each run, which tells the stages to look at among many
 */
function spreads({ view }, { table: { rows } }) {
  const found = rows.find(([name]) => name === "standard deviation");
  return found ? h("small", { class: "muted" }, `standard deviation ${found.slice(1).map((text, run) => `${view.labels[run]} ${text}`).join(", ")}`) : null;
}

/**
 * @param {Runs} runs
 * @param {ComparedStage} stage
 * @returns {HTMLElement[]}
 */
function inside(runs, stage) {
  const columns = runs.all.map((run) => column(runs, run, stage));
  const beside = h("div", { class: "columns", style: `--runs: ${columns.length}` }, ...columns.map((each) => each.element));
  const draw = () => {
    const outputs = runs.all.map((run) => runs.output(run, stage));
    const scale = scaleOf(runs, stage);
    columns.forEach((each, at) => each.draw(outputs[at], scale));
  };
  runs.state.watch(["row", "epoch", "stage", "place", "theme"], whenSeen(beside, draw, true));
  return [
    ...stage.differs.map((text) => h("p", { class: "differs" }, text)),
    beside,
    h("div", { class: "numbers-of" }, table(stage.table), stage.charts.length > 0 && h("div", { class: "several" }, ...stage.charts.map((chart) => lineChart(chart, runs.state, true, false)))),
  ];
}

/**
 * @param {Runs} runs
 * @param {ComparedStage} stage
 * @returns {Scale} that has room for all runs, so that a colour is the same value in each
 */
function scaleOf(runs, stage) {
  const found = runs.all.flatMap((run) => {
    const layer = runs.layer(run, stage);
    return layer && run.model && runs.output(run, stage) ? [scaleOver(run.model, run.state, layer, ({ data }) => data, "all")] : [];
  });
  return found.length ? widest(found) : { most: 1, ramp: "activation" };
}

/**
 * A stage in one run.
 *
 * @param {Runs} runs
 * @param {Run} run
 * @param {ComparedStage} stage
 * @returns {{ element: HTMLElement, draw: (values: Values | null, scale: Scale) => void }}
 */
function column(runs, run, stage) {
  const layer = runs.layer(run, stage);
  const when = h("small");
  const body = h("div", { class: "pictures" });
  const why = h("p", { class: "muted" });
  const element = h("div", { class: "column", "data-run": run.at }, h("p", { class: "cap" }, h("b", {}, run.label), when), body, why);
  const kernel = kernelOf(runs, run, stage);
  /** @type {{ elements: HTMLElement[], draw: (values: Values, scale: Scale) => void } | null} */
  let shown = null;
  const draw = (/** @type {Values | null} */ values, /** @type {Scale} */ scale) => {
    when.textContent = layer && !run.model?.fixed.has(layer.name) ? runs.when(run) : "";
    const waits = layer && run.model?.isWaiting(run.state.at, layer.name);
    why.textContent = values ? "" : !stage.names[run.at] ? "This run has no such stage." : waits ? COMPUTING : absent(runs, run, stage);
    if (values && layer && !shown) shown = layer && seen(runs, run, stage, values);
    body.replaceChildren(...(values && shown ? shown.elements : []), ...(kernel ? [kernel.element] : []));
    if (values) shown?.draw(values, scale);
    kernel?.draw();
  };
  return { element, draw };
}

/**
 * @param {Runs} runs
 * @param {Run} run
 * @param {ComparedStage} stage
 * @returns {string} why a run has no output of a stage; or the text that it received
 */
function absent(runs, run, stage) {
  if (!run.model) return run.omitted;
  if (!runs.common.length) return "";
  const text = runs.leading(stage)?.inputs.length === 0 && run.model.rows.textOf(runs.state.now.row);
  if (text) return text;
  return "This output is not in the page, and not all weights that it takes to compute it.";
}

/**
 * What a stage gives in a run: all maps, and the one that is looked at; or bars; or an image.
 *
 * @param {Runs} runs
 * @param {Run} run
 * @param {ComparedStage} stage
 * @param {Values} first of its outputs, which all have one shape
 * @returns {{ elements: HTMLElement[], draw: (values: Values, scale: Scale) => void }}
 */
function seen(runs, run, stage, { shape }) {
  const model = /** @type {NonNullable<Run["model"]>} */ (run.model);
  const layer = /** @type {import("viewer/model/layers.js").Layer} */ (runs.layer(run, stage));
  if (layer.words.length) {
    const place = h("p", { class: "said" });
    return { elements: [place], draw: ({ data }) => (place.textContent = [...data].filter((at) => at !== 0).map((at) => layer.words[at] ?? at).join(" ")) };
  }
  if (shape.length < 2 && (shape[0] ?? 1) <= MOST_BARS) {
    const place = h("div", { class: "scores" });
    return { elements: [place], draw: (values, { most }) => place.replaceChildren(bars(model, layer, values, most)) };
  }
  if (shape.length === 3 && shape[2] === 3 && isImage(model, layer)) {
    const canvas = h("canvas", { "aria-hidden": "true" });
    return { elements: [h("div", { class: "one", style: `width: ${WIDTH}px` }, canvas)], draw: (values) => void paintImage(canvas, values) };
  }
  const slice = sliceOf(shape, Math.max(FOLD, Math.ceil(Math.sqrt(shape[0] ?? 1))));
  const all = shape.length > 2 ? shape[shape.length - 1] : 1;
  const count = Math.min(all, MOST_MAPS);
  const many = count > 1 ? tiles(slice, { count, across: Math.min(8, count), gap: 1 }) : null;
  const said = h("p", { class: "said" });
  const scaled = legend();
  const picture = new Picture({
    rows: slice.rows,
    columns: slice.columns,
    width: WIDTH,
    label: `${layer.name} in run ${run.label}`,
    move: (row, column) => runs.point(run, stage, slice.move(row, column, runs.place(run, stage))),
  });
  return {
    elements: [
      ...(many ? [h("div", { class: "one", style: `width: ${WIDTH}px` }, many.element, h("p", { class: "said" }, count < all ? `the first ${count} of ${all} channels` : `all ${count} channels`))] : []),
      h("div", { class: "one", style: `width: ${WIDTH}px` }, picture.element, said, scaled.element),
    ],
    draw: (values, scale) => {
      const place = runs.place(run, stage);
      many?.draw(values, place, scale);
      picture.paint({ values: plane(values, slice, place), ...scale });
      const [row, column] = slice.at(place);
      picture.mark([{ row, column }]);
      const text = `${placeText(shape, place)}: ${figure(valueAt(values, place), 4)}`;
      said.textContent = text;
      picture.say(text);
      scaled.draw(scale);
    },
  };
}

/**
 * @param {import("viewer/model/model.js").Model} model
 * @param {import("viewer/model/layers.js").Layer} layer
 * @param {Values} values of which there are few
 * @param {number} most the longest bar
 * @returns {HTMLElement}
 */
function bars(model, layer, { data }, most) {
  const names = model.unitNames(layer.name);
  const shares = softmaxAxis(layer, 1) === 0;
  const lines = [...data].map((value, at) =>
    h(
      "li",
      {},
      h("span", { class: "name" }, names[at] ?? String(at)),
      h("span", { class: "track" }, h("span", { class: `bar${value < 0 ? " minus" : ""}`, style: `width: ${(100 * Math.abs(value)) / most || 0}%` })),
      h("span", { class: "number" }, shares ? percent(value) : brief(value)),
    ),
  );
  return h("ul", { class: "bars", "aria-label": `What ${layer.name} gives` }, ...lines);
}

/**
 * The kernel of the filter, or the weights of the unit, that is looked at.
 *
 * @param {Runs} runs
 * @param {Run} run
 * @param {ComparedStage} stage
 * @returns {{ element: HTMLElement, draw: () => void } | null} null for a stage without one
 */
function kernelOf(runs, run, stage) {
  const layers = runs.all.flatMap((each) => {
    const [layer, { model }] = [runs.layer(each, stage), each];
    const kernel = layer && model?.weightsOf({ row: 0, epoch: model.end }, layer.name).kernel;
    return layer && model && kernel ? [{ model, layer, kernel }] : [];
  });
  const layer = runs.layer(run, stage);
  if (!layer || !run.model || !layers.some(({ model }) => model === run.model)) return null;
  const canvas = h("canvas", { "aria-hidden": "true" });
  const said = h("p", { class: "said" });
  const scaled = legend();
  const element = h("div", { class: "one kernel-of", style: `width: ${KERNEL}px` }, canvas, said, scaled.element);
  const draw = () => {
    const place = runs.place(run, stage);
    const channel = place[place.length - 1] ?? 0;
    const input = strongestInput(layers[0].kernel, channel);
    const kernel = run.model?.weightsOf(run.state.at, layer.name).kernel;
    const shown = kernel && kernelPlane(kernel, channel, input);
    canvas.hidden = !shown;
    const what = layer.layer === "Dense" ? "weights of unit" : "kernel of filter";
    said.textContent = shown ? `${what} ${channel}${input === null ? "" : `, input channel ${input}`}` : `the ${what} ${channel} is not kept`;
    const scale = widest(layers.map((each) => weightScale(each.model, each.layer)));
    scaled.draw(scale);
    if (shown) paint(canvas, shown.values, shown.columns, scale.most, scale.ramp);
  };
  return { element, draw };
}
