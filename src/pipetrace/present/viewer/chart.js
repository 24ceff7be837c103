// Line charts over epochs as SVG. Every position and text comes from the document.

import { h, svg, whenSeen } from "viewer/dom.js";
import { explained } from "viewer/words.js";

/** @typedef {import("viewer/document.js").Chart} Chart */
/** @typedef {import("viewer/document.js").Distribution} Distribution */
/** @typedef {import("viewer/document.js").Bar} Bar */
/** @typedef {import("viewer/state.js").State} State */

/**
 * The plot area in the units of the SVG; the texts stand around it.
 *
 * @typedef {object} Area
 * @property {number} width of the whole chart
 * @property {number} left
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 */

const HEIGHT = 260;
const SMALL_HEIGHT = 132;
const LINE_HEIGHT = 15;
const MOST_DOTS = 40;
const LETTER = 8.6; // the mean width of a bold letter of 13 px, in a wide font
/** Below so many pixels the lines' names stand above the chart. */
const NARROW = 320;

/**
 * It has as many units as pixels, so that its text is legible whatever its width.
 *
 * @param {Chart} chart
 * @param {State} state
 * @param {boolean} [small] whether it stands beside other things
 * @param {boolean} [words] whether those of its title are explained
 * @returns {HTMLElement}
 */
export function lineChart(chart, state, small = false, words = true) {
  const place = h("div", {});
  let mark = () => {};
  let width = small ? 400 : 520;
  const draw = () => {
    const drawn = drawing(chart, areaOf(chart, width, small ? SMALL_HEIGHT : HEIGHT), state);
    place.replaceChildren(...(width < NARROW ? [names(chart)] : []), drawn.element);
    mark = drawn.mark;
    mark();
  };
  draw();
  new ResizeObserver(() => {
    const now = Math.round(place.clientWidth);
    if (!now || now === width) return;
    width = now;
    draw();
  }).observe(place);
  state.watch("epoch", whenSeen(place, () => mark(), true));
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, h("strong", {}, ...(words ? explained(chart.title) : [chart.title])), !small && largeDots(chart)),
    place,
  );
}

/**
 * @param {Chart} chart
 * @returns {HTMLElement | null} what its large dots are
 */
export function largeDots({ best_text }) {
  return best_text ? h("p", { class: "caption" }, `Large dots: ${best_text}.`) : null;
}

/**
 * @param {Chart} chart
 * @param {number} width
 * @param {number} height
 * @returns {Area}
 */
function areaOf(chart, width, height) {
  const room = (/** @type {string[]} */ texts) => LETTER * Math.max(...texts.map((text) => text.length));
  const ends = width < NARROW ? [] : [...chart.series.map(endText), chart.reference?.text ?? ""];
  return {
    width,
    left: 12 + room(chart.y.map((tick) => tick.text)),
    right: width - 8 - room(["", ...ends]),
    top: 14,
    bottom: height - 34,
  };
}

/**
 * @param {Chart} chart
 * @param {Area} area
 * @param {State} state
 * @returns {{ element: SVGElement, mark: () => void }} the chart, and the function that marks the current epoch
 */
function drawing(chart, area, state) {
  const x = (/** @type {number} */ position) => area.left + 10 + position * (area.right - area.left - 20);
  const y = (/** @type {number} */ position) => area.bottom - position * (area.bottom - area.top);
  const marker = svg("g", { class: "marker" });
  const element = svg(
    "svg",
    { viewBox: `0 0 ${area.width} ${area.bottom + 34}`, role: "img", "aria-label": chart.label },
    ...chart.y.filter((_, at) => area.bottom > SMALL_HEIGHT || at % 2 === 0).map((tick) =>
      svg(
        "g",
        { class: "tick" },
        svg("line", { x1: area.left, x2: area.right, y1: y(tick.at), y2: y(tick.at) }),
        svg("text", { x: area.left - 8, y: y(tick.at) + 4, "text-anchor": "end" }, tick.text),
      ),
    ),
    ...apart(chart.x, (tick) => x(tick.at)).map((tick) =>
      svg("text", { class: "tick", x: x(tick.at), y: area.bottom + 18, "text-anchor": "middle" }, tick.text),
    ),
    area.width >= NARROW && svg("text", { class: "tick", x: area.right + 6, y: area.bottom + 18 }, "epoch"),
    marker,
    ...reference(chart, area, y),
    ...borders(chart).map((at) => svg("line", { class: "border", x1: x(at), x2: x(at), y1: area.top, y2: area.bottom })),
    ...chart.series.flatMap((series) => [
      svg("path", { class: `line ${series.role}`, d: path(series.points, chart.borders, x, y) }),
      ...series.points
        // So many that they would hide their line are left out.
        .filter((point) => point.y !== null && (series.points.length <= MOST_DOTS || point.epoch === chart.best))
        .map((point) =>
          svg(
            "circle",
            { class: `point ${series.role}`, cx: x(point.x), cy: y(point.y ?? 0), r: point.epoch === chart.best ? 5 : 3 },
            svg("title", {}, `epoch ${point.epoch}, ${series.name}: ${point.text}${point.epoch === chart.best && chart.best_text ? ` (${chart.best_text})` : ""}`),
          ),
        ),
    ]),
    ...(area.width < NARROW ? [] : labels(chart, area, y)),
    ...targets(chart, area, x, state),
  );
  const mark = () => {
    const points = chart.series.flatMap((series) => series.points.filter((point) => point.epoch === state.now.epoch));
    const first = points[0];
    marker.replaceChildren(
      ...(first ? [svg("line", { x1: x(first.x), x2: x(first.x), y1: area.top, y2: area.bottom })] : []),
    );
  };
  return { element, mark };
}

/**
 * Where fits began, between the last epoch before and the first one of each.
 *
 * @param {Chart} chart
 * @returns {number[]} positions from 0 to 1
 */
function borders(chart) {
  const points = chart.series[0]?.points ?? [];
  return points.flatMap((point, at) => (at && chart.borders.includes(point.epoch) ? [(points[at - 1].x + point.x) / 2] : []));
}

/**
 * @param {import("viewer/document.js").Point[]} points
 * @param {number[]} begins the epochs with which a line begins anew
 * @param {(position: number) => number} x
 * @param {(position: number) => number} y
 * @returns {string} path data; NaN and Inf leave a gap
 */
function path(points, begins, x, y) {
  let drawing = false;
  const parts = [];
  for (const point of points) {
    if (point.y === null) {
      drawing = false;
      continue;
    }
    parts.push(`${drawing && !begins.includes(point.epoch) ? "L" : "M"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`);
    drawing = true;
  }
  return parts.join("");
}

/**
 * @param {Chart} chart
 * @param {Area} area
 * @param {(position: number) => number} y
 * @returns {SVGElement[]}
 */
function reference(chart, area, y) {
  if (!chart.reference) return [];
  const at = y(chart.reference.at);
  return [svg("line", { class: "reference", x1: area.left, x2: area.right, y1: at, y2: at })];
}

/**
 * @param {Chart} chart
 * @returns {HTMLElement} the lines' names and last values
 */
function names(chart) {
  return h("p", { class: "ends" }, ...chart.series.map((series) => h("span", { class: `swatch ${series.role}` }, endText(series))), chart.reference && h("span", { class: "swatch chance" }, chart.reference.text));
}

/**
 * @param {import("viewer/document.js").Series} series
 * @returns {string} its name and its last value, and where that is when it has none at the end; empty without one
 */
function endText(series) {
  const last = series.points.filter((point) => point.y !== null).at(-1);
  if (!last) return "";
  return `${series.name} ${last.text}${last === series.points.at(-1) ? "" : `, epoch ${last.epoch}`}`;
}

/**
 * The lines' names at their ends, moved apart if they would overlap.
 *
 * @param {Chart} chart
 * @param {Area} area
 * @param {(position: number) => number} y
 * @returns {SVGElement[]}
 */
function labels(chart, area, y) {
  const wanted = chart.series.flatMap((series) => {
    const last = series.points.filter((point) => point.y !== null).at(-1);
    return last ? [{ at: y(last.y ?? 0), text: endText(series), role: series.role }] : [];
  });
  if (chart.reference) wanted.push({ at: y(chart.reference.at), text: chart.reference.text, role: "level" });
  wanted.sort((one, other) => one.at - other.at);
  wanted.forEach((label, index) => {
    const above = wanted[index - 1];
    if (above && label.at < above.at + LINE_HEIGHT) label.at = above.at + LINE_HEIGHT;
  });
  let limit = area.bottom - 2; // above the word below the axis
  for (const label of [...wanted].reverse()) {
    label.at = Math.min(label.at, limit);
    limit = label.at - LINE_HEIGHT;
  }
  return wanted.map((label) =>
    svg("text", { class: `label ${label.role}`, x: area.right + 6, y: label.at + 4 }, label.text),
  );
}

/**
 * Invisible columns that set the epoch which the pointer is on.
 *
 * @param {Chart} chart
 * @param {Area} area
 * @param {(position: number) => number} x
 * @param {State} state
 * @returns {SVGElement[]}
 */
function targets(chart, area, x, state) {
  const points = chart.series[0]?.points ?? [];
  const width = points.length > 1 ? x(points[1]?.x ?? 1) - x(points[0]?.x ?? 0) : 60;
  return points.map((point) => {
    const left = Math.max(0, x(point.x) - width / 2);
    const right = Math.min(area.width, x(point.x) + width / 2);
    return svg("rect", {
      class: "target",
      x: left,
      y: area.top,
      width: right - left,
      height: area.bottom - area.top,
      onclick: () => state.set("epoch", point.epoch),
      onpointermove: (/** @type {PointerEvent} */ event) => event.buttons && state.set("epoch", point.epoch),
    });
  });
}

/**
 * A histogram.
 *
 * @param {Distribution} view
 * @returns {HTMLElement}
 */
export function histogram(view) {
  const width = 400;
  const height = 72;
  const each = width / view.heights.length;
  return h(
    "figure",
    { class: "histogram" },
    svg(
      "svg",
      { viewBox: `0 0 ${width} ${height + 18}`, role: "img", "aria-label": `${view.label} From ${view.low_text} to ${view.high_text}.` },
      ...view.heights.map((high, index) =>
        svg(
          "rect",
          {
            x: index * each + 0.5,
            y: height - Math.max(high > 0 ? 1 : 0, high * height),
            width: each - 1,
            height: Math.max(high > 0 ? 1 : 0, high * height),
          },
          svg("title", {}, view.texts[index] ?? ""),
        ),
      ),
      svg("line", { class: "axis", x1: 0, x2: width, y1: height + 0.5, y2: height + 0.5 }),
      svg("text", { x: 0, y: height + 15 }, view.low_text),
      svg("text", { x: width, y: height + 15, "text-anchor": "end" }, view.high_text),
    ),
    h("figcaption", {}, view.label),
  );
}

/**
 * Horizontal bars with their names and values.
 *
 * @param {Bar[]} entries
 * @param {string} label
 * @returns {HTMLElement}
 */
export function bars(entries, label) {
  return h(
    "ul",
    { class: "bars", "aria-label": label },
    ...entries.map((bar) =>
      h(
        "li",
        { class: bar.marked ? "marked" : "" },
        h("span", { class: "name" }, bar.name),
        h("span", { class: "track" }, h("span", { class: "bar", style: `width: ${100 * bar.length}%` })),
        h("span", { class: "number" }, bar.text),
      ),
    ),
  );
}

/**
 * @template {import("viewer/document.js").Tick} T
 * @param {T[]} ticks
 * @param {(tick: T) => number} x
 * @returns {T[]} every one, or every second, third, ... so that their texts do not touch
 */
function apart(ticks, x) {
  const widest = LETTER * Math.max(...ticks.map((tick) => tick.text.length)) + 8;
  const gap = ticks.length > 1 ? (x(ticks[ticks.length - 1]) - x(ticks[0])) / (ticks.length - 1) : widest;
  const step = Math.max(1, Math.ceil(widest / Math.max(gap, 1e-6)));
  return ticks.filter((_, at) => at % step === 0);
}

/**
 * Many small upright bars, such as one for each filter.
 *
 * @param {Bar[]} entries
 * @param {string} label
 * @returns {HTMLElement}
 */
export function columns(entries, label) {
  const each = Math.min(14, 400 / entries.length);
  const height = 48;
  return h(
    "figure",
    { class: "histogram" },
    svg(
      "svg",
      { viewBox: `0 0 400 ${height + 2}`, role: "img", "aria-label": label },
      ...entries.map((bar, index) =>
        svg(
          "rect",
          {
            class: bar.marked ? "silent" : "",
            x: index * each + 0.5,
            y: bar.marked ? height - 3 : height - Math.max(1, bar.length * height),
            width: each - 1.5,
            height: bar.marked ? 3 : Math.max(1, bar.length * height),
          },
          svg("title", {}, `${bar.name}: ${bar.text}`),
        ),
      ),
      svg("line", { class: "axis", x1: 0, x2: entries.length * each, y1: height + 0.5, y2: height + 0.5 }),
    ),
    h("figcaption", {}, label),
  );
}
