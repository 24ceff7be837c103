// A tensor as images on canvases: crisp, all maps on one scale, every value readable by pointer or keyboard.

import { h } from "viewer/dom.js";
import { colourOf, inkOn } from "viewer/colour.js";
import { figure } from "viewer/figures.js";
import { decode, exact } from "viewer/tensor.js";

/** @typedef {import("viewer/document.js").ImageView} ImageView */

/**
 * An image, ready to draw.
 *
 * @typedef {object} Drawing
 * @property {ImageView} view
 * @property {Float32Array} values
 * @property {(value: number) => [number, number, number]} colour
 */

/** So many maps are drawn at first. */
const MOST_MAPS = 64;
const LARGEST = 240;
const WIDE = 416;
const STEP = 16;
const FEW = 12;
const STOPS = 9;

/** @type {Record<string, import("viewer/colour.js").Ramp>} */
const RAMPS = { grey: "ink", activation: "activation", signed: "signed" };

/**
 * @param {ImageView} view
 * @returns {Drawing}
 */
function prepare(view) {
  const ramp = RAMPS[view.colormap] ?? "activation";
  const span = view.high - view.low || 1;
  const share = (/** @type {number} */ value) => (value - view.low) / span;
  return { view, values: decode(view.values), colour: (value) => colourOf(ramp === "signed" ? 2 * share(value) - 1 : share(value), 1, ramp) };
}

/** @type {WeakMap<Element, () => void>} */
const DRAWN = new WeakMap();

/** Draw all images again, in the colours of another theme. */
export function recolour() {
  for (const each of document.querySelectorAll(".anyimage")) DRAWN.get(each)?.();
}

/**
 * The whole image: one large map, or all maps small and the chosen one large, with a line that shows the value.
 *
 * @param {ImageView} view
 * @returns {HTMLElement}
 */
export function image(view) {
  const drawing = prepare(view);
  const element = h("div", { class: "anyimage" });
  const draw = () => element.replaceChildren(drawn(drawing));
  DRAWN.set(element, draw);
  draw();
  return element;
}

/**
 * @param {Drawing} drawing
 * @returns {HTMLElement}
 */
function drawn(drawing) {
  const { view } = drawing;
  if (view.kind === "vector" && shownOf(drawing).length <= FEW) return few(drawing);
  const readout = h("output", { class: "readout" }, hint(view));
  const write = (/** @type {string} */ text) => {
    readout.textContent = text;
  };
  if (view.shape[0] === 1 || view.kind === "colour") {
    const wide = view.kind === "vector" || view.kind === "steps";
    const shown = large(drawing, 0, wide ? WIDE : LARGEST, write);
    return h("figure", { class: wide ? "image" : "image square" }, shown, foot(drawing, readout));
  }
  const place = h("div", { class: "chosen" });
  const name = h("p", { class: "caption" });
  const choose = (/** @type {number} */ index) => {
    place.replaceChildren(large(drawing, index, LARGEST, write));
    name.textContent = view.names[index] ?? "";
  };
  const grid = maps(drawing, choose);
  choose(firstShown(drawing));
  return h(
    "figure",
    { class: "image many" },
    h("div", { class: "split" }, grid, h("div", { class: "beside" }, name, place)),
    foot(drawing, readout),
  );
}

/**
 * @param {Drawing} drawing
 * @returns {number[]} the values of a vector, without what its last line lacks
 */
function shownOf({ values }) {
  return [...values].filter((value) => !Number.isNaN(value));
}

/**
 * A few numbers are a table with bars, not coloured blocks.
 *
 * @param {Drawing} drawing
 * @returns {HTMLElement}
 */
function few(drawing) {
  const values = shownOf(drawing);
  const most = Math.max(...values.map(Math.abs), 1e-12);
  const row = (/** @type {number} */ value, /** @type {number} */ at) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, `value ${at}`),
      h("td", { title: exact(value) }, figure(value, 4)),
      h("td", { class: "long" }, h("span", { class: "track" }, h("i", { class: value < 0 ? "minus" : "plus", style: `width: ${(100 * Math.abs(value)) / most}%` }))),
    );
  return h("table", { class: "vector", "aria-label": drawing.view.label }, h("tbody", {}, ...values.map(row)));
}

/**
 * @param {Drawing} drawing
 * @param {number} index
 * @returns {HTMLCanvasElement}
 */
function canvas(drawing, index) {
  const [, rows, columns] = drawing.view.shape;
  const element = h("canvas", { width: columns, height: rows });
  const context = element.getContext("2d");
  if (!context) return element;
  const image = context.createImageData(columns, rows);
  for (let at = 0; at < rows * columns; at++) {
    const value = drawing.values[index * rows * columns + at] ?? NaN;
    if (Number.isNaN(value)) continue;
    const colours = drawing.view.kind === "colour" ? bands(drawing, at) : drawing.colour(value);
    image.data.set([...colours, 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
  return element;
}

/**
 * The red, green and blue of a pixel, from the black to the white of the image.
 *
 * @param {Drawing} drawing
 * @param {number} at
 * @returns {number[]}
 */
function bands({ view, values }, at) {
  const size = view.shape[1] * view.shape[2];
  const span = view.high - view.low || 1;
  return [0, 1, 2].map((band) => Math.round((255 * ((values[band * size + at] ?? 0) - view.low)) / span));
}

/**
 * All maps, small, as a group of radio buttons: arrow keys go from one to the next.
 *
 * @param {Drawing} drawing
 * @param {(index: number) => void} choose
 * @returns {HTMLElement}
 */
function maps(drawing, choose) {
  const { view } = drawing;
  const group = `maps-${nextGroup++}`;
  const first = firstShown(drawing);
  const label = (/** @type {string} */ name, /** @type {number} */ index) =>
    h(
      "label",
      { title: name },
      h("input", { type: "radio", name: group, "aria-label": name, checked: index === first, onchange: () => choose(index) }),
      canvas(drawing, index),
    );
  const rest = () => more.replaceWith(...view.names.slice(MOST_MAPS).map((name, at) => label(name, MOST_MAPS + at)));
  const more = h("button", { type: "button", class: "plain", onclick: rest }, `Show all ${view.names.length}`);
  return h(
    "div",
    { class: "maps", role: "radiogroup", "aria-label": view.label },
    ...view.names.slice(0, MOST_MAPS).map(label),
    view.names.length > MOST_MAPS && more,
  );
}

let nextGroup = 0;

/**
 * One map, large; the pointer and the arrow keys show its values.
 *
 * @param {Drawing} drawing
 * @param {number} index
 * @param {number} width in CSS pixels
 * @param {(text: string) => void} write
 * @returns {HTMLElement}
 */
function large(drawing, index, width, write) {
  const { view } = drawing;
  const [, rows, columns] = view.shape;
  if (view.texts.length) return table(drawing, index);
  const mark = view.mark && view.mark[0] === index ? { row: view.mark[1], column: view.mark[2] } : null;
  const at = mark ? { ...mark } : { row: 0, column: 0 };
  const cursor = h("span", { class: "cursor", hidden: true });
  const rest = () => {
    // The value that the text mentions stays marked.
    cursor.hidden = !mark;
    if (mark) {
      Object.assign(at, mark);
      showValue();
    } else {
      write(hint(view));
    }
  };
  const showValue = () => {
    const place = at.row * columns + at.column;
    const value = drawing.values[index * rows * columns + place];
    if (value === undefined || (view.kind === "vector" && Number.isNaN(value))) return;
    write(`${where(view, index, at)}: ${view.kind === "colour" ? inColour(drawing, place) : exact(value)}`);
    cursor.hidden = false;
    cursor.style.left = `${(100 * at.column) / columns}%`;
    cursor.style.top = `${(100 * at.row) / rows}%`;
    cursor.style.width = `${100 / columns}%`;
    cursor.style.height = `${100 / rows}%`;
  };
  const move = (/** @type {PointerEvent} */ event) => {
    const box = frame.getBoundingClientRect();
    at.column = clamp(Math.floor(((event.clientX - box.left) / box.width) * columns), columns);
    at.row = clamp(Math.floor(((event.clientY - box.top) / box.height) * rows), rows);
    showValue();
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    at.row = clamp(at.row + (step[0] ?? 0), rows);
    at.column = clamp(at.column + (step[1] ?? 0), columns);
    showValue();
  };
  const frame = h(
    "div",
    {
      class: "large",
      style: `max-width: ${width}px; ${proportions(view)}`,
      tabindex: 0,
      role: "application",
      "aria-roledescription": "image; arrow keys read its values",
      "aria-label": `${view.label}${view.names[index] ? `, ${view.names[index]}` : ""}`,
      onpointermove: move,
      onpointerdown: move,
      onkeydown: key,
      onfocus: showValue,
      onblur: rest,
      // After a touch the value stays visible.
      onpointerleave: (/** @type {PointerEvent} */ event) => event.pointerType !== "touch" && rest(),
    },
    canvas(drawing, index),
    ...view.hidden.map((row) => h("span", { class: "masked", style: `top: ${(100 * row) / rows}%; height: ${100 / rows}%` })),
    cursor,
  );
  rest();
  return frame;
}

/**
 * The height of an image: pixels are square, except for steps, which are at most a line high.
 *
 * @param {ImageView} view
 * @returns {string}
 */
function proportions(view) {
  const [, rows, columns] = view.shape;
  if (view.kind !== "steps") return `aspect-ratio: ${columns} / ${rows}`;
  return `height: ${Math.min(WIDE, Math.max(2 * STEP, rows * STEP))}px`;
}

/**
 * A position in words.
 *
 * @param {ImageView} view
 * @param {number} index
 * @param {{ row: number, column: number }} at
 * @returns {string}
 */
function where(view, index, at) {
  if (view.kind === "vector") return `position ${at.row * view.shape[2] + at.column}`;
  if (view.kind === "steps") return `step ${at.row}${view.hidden.includes(at.row) ? " (hidden)" : ""}, channel ${at.column}`;
  const name = view.names[index] && view.kind !== "colour" ? `${view.names[index]}, ` : "";
  return `${name}line ${at.row}, column ${at.column}`;
}

/**
 * The three values of a pixel.
 *
 * @param {Drawing} drawing
 * @param {number} place
 * @returns {string}
 */
function inColour({ view, values }, place) {
  const size = view.shape[1] * view.shape[2];
  return view.names.map((name, band) => `${name} ${exact(values[band * size + place] ?? NaN)}`).join(", ");
}

/**
 * A small map with its numbers written into it.
 *
 * @param {Drawing} drawing
 * @param {number} index
 * @returns {HTMLElement}
 */
function table(drawing, index) {
  const [, rows, columns] = drawing.view.shape;
  const cell = (/** @type {number} */ row, /** @type {number} */ column) => {
    const at = index * rows * columns + row * columns + column;
    const value = drawing.values[at] ?? NaN;
    const colour = drawing.colour(value);
    const style = `background: rgb(${colour.join(" ")}); color: ${inkOn(colour)}`;
    return h("td", { style, title: exact(value) }, drawing.view.texts[at] ?? "");
  };
  return h(
    "table",
    { class: "kernel", "aria-label": `${drawing.view.label}, ${drawing.view.names[index]}` },
    h(
      "tbody",
      {},
      ...[...Array(rows).keys()].map((row) =>
        h("tr", {}, ...[...Array(columns).keys()].map((column) => cell(row, column))),
      ),
    ),
  );
}

/**
 * The scale and the readout.
 *
 * @param {Drawing} drawing
 * @param {HTMLElement} readout
 * @returns {HTMLElement}
 */
function foot({ view, colour }, readout) {
  const stops = Array.from({ length: STOPS }, (_, at) => `rgb(${colour(view.low + (at / (STOPS - 1)) * (view.high - view.low)).join(" ")})`);
  return h(
    "figcaption",
    {},
    view.note && h("span", {}, `Shown: ${view.note}.`),
    view.hidden.length > 0 && h("span", {}, `Hatched: hidden by the mask.`),
    h(
      "span",
      { class: "scale" },
      h("span", { class: "number" }, view.low_text),
      h("span", { class: "gradient", style: `background: linear-gradient(to right, ${stops.join(", ")})` }),
      h("span", { class: "number" }, view.high_text),
    ),
    view.texts.length ? null : readout,
  );
}

/**
 * @param {ImageView} view
 * @returns {string}
 */
function hint(view) {
  if (view.kind === "steps") return "Point at a step to read its values.";
  return view.kind === "vector" ? "Point at a value to read it." : "Point at a pixel to read its value.";
}

/**
 * The map to show first: the one that the text mentions, or the one with the largest value.
 *
 * @param {Drawing} drawing
 * @returns {number}
 */
function firstShown({ view, values }) {
  if (view.mark) return view.mark[0];
  let best = 0;
  values.forEach((value, at) => {
    if (value > (values[best] ?? -Infinity)) best = at;
  });
  return Math.floor(best / (view.shape[1] * view.shape[2]));
}

/**
 * @param {number} value
 * @param {number} end
 */
function clamp(value, end) {
  return Math.min(end - 1, Math.max(0, value));
}
