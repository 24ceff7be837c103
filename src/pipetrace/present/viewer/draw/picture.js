// A picture of numbers that can be pointed at, dragged over, and walked with the arrow keys.

import { colourOf, paint, paintColours, theme } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { figure } from "viewer/figures.js";

/** @typedef {import("viewer/colour.js").Ramp} Ramp */
/** @typedef {{ most: number, ramp: Ramp }} Scale the value of the darkest colour, and the colours */
/** @typedef {{ row: number, column: number, rows?: number, columns?: number, kind?: string }} Box */
/** @typedef {{ values: ArrayLike<number>, most: number, ramp: Ramp, low?: number, colours?: boolean }} Painting */

const FAR = 5;

let [pointed, moved] = ["", true];
// A page that is scrolled moves under a pointer that rests: nothing was pointed at.
addEventListener("pointermove", ({ clientX, clientY }) => {
  moved = `${clientX} ${clientY}` !== pointed;
  pointed = `${clientX} ${clientY}`;
}, { capture: true, passive: true });

export class Picture {
  /**
   * @param {object} options
   * @param {number} options.rows
   * @param {number} options.columns
   * @param {number} options.width in CSS pixels, at most
   * @param {string} options.label what it shows
   * @param {((row: number, column: number) => void)} [options.move] called with the cell that is pointed at
   */
  constructor({ rows, columns, width, label, move }) {
    this.rows = rows;
    this.columns = columns;
    this.row = 0;
    this.column = 0;
    /** How many cells an arrow key moves on, down and across. */
    this.hops = [1, 1];
    this.canvas = h("canvas", { width: columns, height: rows });
    this.boxes = h("div", { class: "boxes" });
    this.says = h("span", { class: "unseen", "aria-live": "polite" });
    this.element = h(
      "div",
      {
        class: `picture${move ? " live" : ""}`,
        style: `width: ${width}px; aspect-ratio: ${columns} / ${rows}`,
        role: move ? "application" : "img",
        "aria-roledescription": move ? "image; arrow keys move in it" : null,
        "aria-label": label,
        tabindex: move ? 0 : null,
      },
      this.canvas,
      this.boxes,
      this.says,
    );
    if (move) this.listen(move);
  }

  /** @param {(row: number, column: number) => void} move */
  listen(move) {
    const point = (/** @type {PointerEvent} */ event) => {
      if (event.type === "pointermove" && ((event.pointerType === "touch" && !event.buttons) || !moved)) return;
      const box = this.canvas.getBoundingClientRect();
      const cell = (/** @type {number} */ at, /** @type {number} */ length, /** @type {number} */ count) =>
        Math.min(count - 1, Math.max(0, Math.floor((at / length) * count)));
      move(cell(event.clientY - box.top, box.height, this.rows), cell(event.clientX - box.left, box.width, this.columns));
    };
    this.element.addEventListener("pointermove", point);
    this.element.addEventListener("pointerdown", point);
    this.element.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const hop = event.shiftKey ? FAR : 1;
      const row = Math.min(this.rows - 1, Math.max(0, this.row + way[0] * hop * this.hops[0]));
      move(row, Math.min(this.columns - 1, Math.max(0, this.column + way[1] * hop * this.hops[1])));
    });
  }

  /** @param {Painting} painting */
  paint({ values, most, ramp, low, colours }) {
    if (colours) paintColours(this.canvas, values, this.columns, [low ?? 0, most]);
    else paint(this.canvas, values, this.columns, most, ramp);
  }

  /**
   * Mark cells; the first box is where the arrow keys start from.
   *
   * @param {readonly Box[]} boxes
   */
  mark(boxes) {
    if (boxes[0]) [this.row, this.column] = [boxes[0].row, boxes[0].column];
    const share = (/** @type {number} */ part, /** @type {number} */ all) => `${(100 * part) / all}%`;
    this.boxes.replaceChildren(
      ...boxes.map(({ row, column, rows = 1, columns = 1, kind }) => {
        const box = h("span", { class: `box${kind ? ` ${kind}` : ""}` });
        Object.assign(box.style, {
          left: share(column, this.columns),
          top: share(row, this.rows),
          width: share(columns, this.columns),
          height: share(rows, this.rows),
        });
        return box;
      }),
    );
  }

  /** @param {string} text where one is and what stands there, for who does not see it */
  say(text) {
    if (document.activeElement === this.element) this.says.textContent = text;
  }
}

/**
 * The scale of a picture, from the colour of the paper at zero.
 *
 * @param {string} [note] beside it
 * @returns {{ element: HTMLElement, draw: (scale: Scale, ends?: [string, string]) => void }} its second function takes what
 *   the ends of the scale are called, where they are no values
 */
export function legend(note = "") {
  const [low, high, ramped] = [h("span", {}), h("span", {}), h("i", {})];
  let drawn = "";
  return {
    element: h("div", { class: "legend" }, low, ramped, high, note && h("small", {}, note)),
    draw: ({ most, ramp }, [first, last] = [ramp === "signed" ? figure(-most) : "0", `${ramp === "signed" ? "+" : ""}${figure(most)}`]) => {
      const key = `${most} ${ramp} ${first} ${last} ${theme()}`;
      if (key === drawn) return;
      drawn = key;
      const stops = ramp === "signed" ? [-1, -0.66, -0.33, 0, 0.33, 0.66, 1] : [0, 0.2, 0.4, 0.6, 0.8, 1];
      ramped.style.background = `linear-gradient(90deg, ${stops.map((stop) => `rgb(${colourOf(stop, 1, ramp).join(" ")})`).join(", ")})`;
      low.textContent = first;
      high.textContent = last;
    },
  };
}

/**
 * @param {Scale} scale that stays
 * @returns {HTMLElement}
 */
export function legendOf(scale) {
  const { element, draw } = legend();
  draw(scale);
  return element;
}

/**
 * How the values of a tensor are coloured: in one colour where none is negative.
 *
 * @param {ArrayLike<number>} values
 * @param {boolean} [image] whether they are ink on paper
 * @returns {Scale}
 */
export function scaleOf(values, image = false) {
  let [most, negative] = [0, false];
  for (let at = 0; at < values.length; at++) {
    const size = Math.abs(values[at]);
    if (size > most && size < Infinity) most = size;
    if (values[at] < 0) negative = true;
  }
  return { most: most || 1, ramp: negative ? "signed" : image ? "ink" : "activation" };
}
