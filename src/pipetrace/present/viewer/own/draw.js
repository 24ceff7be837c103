// A field to draw on, with the pointer or the keys, to set single pixels of what the model receives, or to fill from a file.

import { h } from "viewer/dom.js";
import { Picture } from "viewer/draw/picture.js";
import { fromFile } from "viewer/own/file.js";
import { asMnist, dab, SIDE } from "viewer/own/ink.js";
import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/own/own.js").Editor} Editor */
/** @typedef {import("viewer/own/own.js").Source} Source */

const WIDTH = 224;
/** Of fewer lines or columns it is no photograph. */
const LEAST = 8;

/**
 * @param {Source} source an image
 * @param {(own: Values) => void} give called with the image that was made
 * @returns {Editor}
 */
export function drawing(source, give) {
  const { shape, low, high, name } = source;
  const [rows, columns, channels = 1] = shape;
  const centred = rows === SIDE && columns === SIDE && channels === 1;
  /** What is drawn where it is centred, and the strokes of the last touch elsewhere: ink from 0 to 1. */
  const field = values([rows, columns]);
  /** What the model receives. */
  let image = values(shape);
  let pixels = false;
  const picture = new Picture({ rows, columns, width: WIDTH, label: `A field to draw on: ${name}`, move: (row, column) => cursor(row, column) });
  picture.element.classList.add("drawn");
  const strength = h("input", { type: "range", min: 0, max: 100, value: 100, "aria-label": "Strength of a pixel" });
  const slider = h("label", { class: "caption", hidden: true }, "Pixel: ", strength);
  const modes = ["Draw", "Set pixels"].map((text, at) =>
    h("button", { type: "button", class: "plain", "aria-pressed": String(at === 0), onclick: () => turn(at === 1) }, text),
  );
  const turn = (/** @type {boolean} */ on) => {
    pixels = on;
    slider.hidden = !on;
    modes.forEach((mode, at) => mode.setAttribute("aria-pressed", String((at === 1) === on)));
    show();
  };
  const show = () => {
    if (channels === 3) return picture.paint({ values: image.data, most: high, low, ramp: "ink", colours: true });
    const shown = pixels || !centred ? Float32Array.from({ length: rows * columns }, (_, at) => (image.data[at * channels] - low) / (high - low)) : field.data;
    picture.paint({ values: shown, most: 1, ramp: "ink" });
  };
  const cursor = (/** @type {number} */ row, /** @type {number} */ column) => {
    picture.mark([{ row, column, kind: "thin" }]);
    picture.say(`line ${row}, column ${column}`);
  };
  let frame = 0;
  const changed = () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => {
      show();
      give(image);
    });
  };
  /** @type {(row: number, column: number, ink?: number) => void} */
  const touch = (row, column, ink = Number(strength.value) / 100) => {
    if (pixels) {
      for (let channel = 0; channel < channels; channel++) image.data[(Math.floor(row) * columns + Math.floor(column)) * channels + channel] = low + ink * (high - low);
      return changed();
    }
    if (!centred) field.data.fill(0);
    dab(field, row, column);
    const drawn = centred ? asMnist(field) : field;
    // What is drawn on an image goes on top of it; ink that is centred makes the image.
    const under = centred ? new Float32Array(image.data.length).fill(low) : image.data;
    image = values(shape, under.map((value, at) => Math.max(value, low + drawn.data[Math.floor(at / channels)] * (high - low))));
    changed();
  };
  listen(picture, touch);
  const take = (/** @type {Values} */ own) => {
    image = values(shape, own.data.slice());
    for (let at = 0; at < field.data.length; at++) field.data[at] = Math.max(0, (image.data[at * channels] - low) / (high - low));
    show();
  };
  const file = Math.min(rows, columns) < LEAST ? null : fromFile(source, centred, (made) => {
    take(made);
    give(image);
  });
  return {
    element: h("div", { class: "editor" }, picture.element, h("p", { class: "buttons" }, ...modes), slider, file && file.element),
    take: (own) => {
      file?.forget();
      take(own);
    },
    clear: () => {
      file?.forget();
      cancelAnimationFrame(frame);
      field.data.fill(0);
      image = values(shape, new Float32Array(image.data.length).fill(low));
      show();
    },
    hint: `Draw with the pointer, or with the arrow keys and the space bar. ${centred ? "Your ink is scaled and centred as in MNIST. Set pixels changes single pixels of what the model receives." : "Set pixels changes single pixels."}${file ? " An image can also be chosen, dropped here or pasted; it stays in your browser." : ""}`,
    redraw: show,
  };
}

/**
 * Draw lines between the places of the pointer, and at the cursor of the keys.
 *
 * @param {Picture} picture
 * @param {(row: number, column: number, ink?: number) => void} touch
 */
function listen(picture, touch) {
  /** @type {[number, number] | null} */
  let last = null;
  const stroke = (/** @type {PointerEvent} */ event) => {
    if (!event.buttons) return;
    const box = picture.canvas.getBoundingClientRect();
    const inside = (/** @type {number} */ share, /** @type {number} */ length) => Math.min(length - 0.01, Math.max(0, share * length));
    const row = inside((event.clientY - box.top) / box.height, picture.rows);
    const column = inside((event.clientX - box.left) / box.width, picture.columns);
    const [from, across] = last && event.type === "pointermove" ? last : [row, column];
    const steps = Math.max(1, Math.ceil(2 * Math.hypot(row - from, column - across)));
    for (let step = 1; step <= steps; step++) touch(from + ((row - from) * step) / steps, across + ((column - across) * step) / steps);
    last = [row, column];
  };
  picture.element.addEventListener("pointerdown", (event) => {
    picture.element.setPointerCapture(event.pointerId);
    stroke(event);
  });
  picture.element.addEventListener("pointermove", stroke);
  picture.element.addEventListener("keydown", (event) => {
    if (![" ", "Enter", "Delete", "Backspace"].includes(event.key)) return;
    event.preventDefault();
    touch(picture.row + 0.5, picture.column + 0.5, event.key.length > 5 ? 0 : undefined);
  });
}
