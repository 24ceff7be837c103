// The training as a table: a column an epoch, the loss on top, and below it what the model was then.

import { h, svg, whenSeen } from "viewer/dom.js";
import { modelLines } from "viewer/epochs/cells.js";

/** @typedef {import("viewer/document.js").Chart} Chart */
/** @typedef {import("viewer/document.js").TrainingView} TrainingView */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

const MOST_COLUMNS = 7;
const HEIGHT = 132;
const [TOP, BOTTOM] = [14, 8];
const ALIGNED_CHARTS = 2;

/**
 * The epochs that get a column: all of a few, else some evenly spread, of which as much as possible is kept.
 *
 * @param {Epochs} epochs
 * @param {Model | null} model
 * @returns {number[]}
 */
export function columnsOf({ all }, model) {
  if (all.length <= MOST_COLUMNS) return all;
  const kept = all.filter((epoch) => model?.epochs.includes(epoch));
  const spread = Array.from({ length: MOST_COLUMNS }, (_, k) => all[Math.round((k * (all.length - 1)) / (MOST_COLUMNS - 1))]);
  if (kept.length < MOST_COLUMNS) return spread;
  return [...new Set(spread.map((wanted) => kept.reduce((best, each) => (Math.abs(each - wanted) < Math.abs(best - wanted) ? each : best))))];
}

/**
 * @param {TrainingView} view
 * @param {Model | null} model
 * @param {State} state
 * @param {Epochs} epochs
 * @returns {HTMLElement}
 */
export function film(view, model, state, epochs) {
  const columns = columnsOf(epochs, model);
  const charts = view.charts.slice(0, ALIGNED_CHARTS).map((chart) => aligned(chart, columns, state, epochs));
  const shown = h("tbody", {});
  const choose = (/** @type {number} */ epoch) => () => state.set("epoch", epoch);
  const heads = columns.map((epoch) =>
    h("th", { scope: "col", role: "columnheader" }, h("button", { type: "button", class: "plain", "aria-label": `${epochs.short(epoch)}: show the model ${epochs.long(epoch)}`, onclick: choose(epoch) }, epochs.short(epoch))),
  );
  /** @type {(name: string, cells: (Node | string | null)[], kind: string) => HTMLElement} */
  const line = (name, cells, kind) =>
    h(
      "tr",
      { class: kind, role: "row" },
      h("th", { scope: "row", role: "rowheader" }, name),
      ...cells.map((cell, at) => h("td", { role: "cell", class: state.now.epoch === columns[at] ? "now" : "", onclick: choose(columns[at]) }, cell)),
    );
  const rows = new Map(view.rows.map((row) => [row.epoch, row]));
  // Neither the number of the epoch nor what happened in it.
  const figures = view.columns.slice(1, -1).map((name, at) => line(name, columns.map((epoch) => (epoch ? rows.get(epoch)?.cells : view.start)?.[at + 1] || "–"), "figures"));
  const body = h("tbody", {}, ...figures);
  const table = h(
    "table",
    { class: "film", role: "table", style: `--columns: ${columns.length}` },
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, h("th", { scope: "col", role: "columnheader" }, "Epoch"), ...heads),
    ),
    h("tbody", {}, ...charts.map((chart) => chart.element)),
    shown,
    body,
  );
  const mark = () => {
    heads.forEach((head, at) => {
      head.classList.toggle("now", columns[at] === state.now.epoch);
      head.firstElementChild?.setAttribute("aria-pressed", String(columns[at] === state.now.epoch));
    });
    for (const row of [...shown.rows, ...body.rows])
      [...row.cells].slice(1).forEach((cell, at) => cell.classList.toggle("now", columns[at] === state.now.epoch));
  };
  state.watch("epoch", mark);
  if (model) {
    const draw = () => shown.replaceChildren(...modelLines(model, state, columns).map(({ name, cells }) => line(name, cells, "then")));
    state.watch(["row", "stage", "place", "theme"], whenSeen(table, () => model.within(draw)));
  }
  return table;
}

/**
 * A chart whose epochs stand above their columns; one clicks or drags in it to choose an epoch.
 *
 * @param {Chart} chart
 * @param {number[]} columns
 * @param {State} state
 * @param {Epochs} epochs
 * @returns {{ element: HTMLElement }}
 */
function aligned(chart, columns, state, epochs) {
  const place = h("td", { role: "cell", colspan: columns.length, class: "plot" });
  let width = 0;
  let marker = svg("g", {});
  // Between two columns the epochs are evenly spaced.
  const x = (/** @type {number} */ epoch) => {
    const after = Math.max(1, columns.findIndex((each) => each >= epoch));
    const [low, high] = [columns[after - 1], columns[after] ?? columns[after - 1] + 1];
    return ((after - 0.5 + (epoch - low) / (high - low)) * width) / columns.length;
  };
  const y = (/** @type {number} */ position) => HEIGHT - BOTTOM - position * (HEIGHT - TOP - BOTTOM);
  const mark = () => {
    const at = x(state.now.epoch);
    const points = chart.series.flatMap((series) => series.points.filter((point) => point.epoch === state.now.epoch && point.y !== null).map((point) => ({ ...point, role: series.role })));
    marker.replaceChildren(
      svg("line", { x1: at, x2: at, y1: 0, y2: HEIGHT }),
      ...points.map((point) => svg("circle", { cx: at, cy: y(point.y ?? 0), r: 4 })),
    );
  };
  const draw = () => {
    marker = svg("g", { class: "marker" });
    place.replaceChildren(
      svg(
        "svg",
        { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": chart.label },
        ...chart.y.filter((_, at) => at % 2 === 0).map((tick) =>
          svg("g", { class: "tick" }, svg("line", { x1: 0, x2: width, y1: y(tick.at), y2: y(tick.at) })),
        ),
        ...chart.borders.map((epoch) => svg("line", { class: "border", x1: x(epoch - 0.5), x2: x(epoch - 0.5), y1: 0, y2: HEIGHT })),
        chart.reference && svg("line", { class: "reference", x1: 0, x2: width, y1: y(chart.reference.at), y2: y(chart.reference.at) }),
        ...chart.y.filter((_, at) => at % 2 === 0).map((tick) => svg("g", { class: "tick" }, svg("text", { x: 0, y: y(tick.at) - 3 }, tick.text))),
        ...chart.series.flatMap((series) => [
          svg("path", { class: `line ${series.role}`, d: curve(series.points, chart.borders, x, y) }),
          ...series.points.flatMap((point) => (point.y === null || series.points.length > 40 ? [] : [svg("circle", { class: `point ${series.role}`, cx: x(point.epoch), cy: y(point.y), r: 2.5 }, svg("title", {}, `epoch ${point.epoch}, ${series.name}: ${point.text}`))])),
        ]),
        marker,
      ),
    );
    mark();
  };
  new ResizeObserver(() => {
    const now = Math.round(place.clientWidth);
    if (!now || now === width) return;
    width = now;
    draw();
  }).observe(place);
  state.watch("epoch", mark);
  const point = (/** @type {PointerEvent} */ event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    const at = event.clientX - place.getBoundingClientRect().left;
    const near = epochs.all.reduce((best, each) => (Math.abs(x(each) - at) < Math.abs(x(best) - at) ? each : best));
    state.set("epoch", near);
  };
  place.addEventListener("pointerdown", point);
  place.addEventListener("pointermove", point);
  const legend = [
    ...chart.series.map((series) => h("span", { class: `swatch ${series.role}` }, series.name)),
    chart.reference && h("span", { class: "swatch chance" }, chart.reference.text),
  ];
  return { element: h("tr", { class: "plotted", role: "row" }, h("th", { scope: "row", role: "rowheader" }, chart.title, ...legend), place) };
}

/**
 * @param {import("viewer/document.js").Point[]} points
 * @param {number[]} begins the epochs with which a line begins anew
 * @param {(epoch: number) => number} x
 * @param {(position: number) => number} y
 * @returns {string} path data; NaN and Inf leave a gap
 */
function curve(points, begins, x, y) {
  return points.map((point, at) => (point.y === null ? "" : `${points[at - 1]?.y === null || !at || begins.includes(point.epoch) ? "M" : "L"}${x(point.epoch).toFixed(1)} ${y(point.y).toFixed(1)}`)).join("");
}
