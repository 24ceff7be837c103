// An image of the reader's own from a file, dropped or pasted: read by the browser, scaled to what the model receives.

import { h } from "viewer/dom.js";
import { brief } from "viewer/figures.js";
import { asMnist, average } from "viewer/own/ink.js";
import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/own/own.js").Source} Source */

const [MOST_BYTES, MOST_PIXELS] = [5e7, 5e7];
/** The browser scales larger images down to this side first. */
const SIDE = 1024;
/** What differs from the edge of an image by less than this share of its contrast is paper. */
const PAPER = 0.15;
/** Of grey: ITU-R BT.601. */
const GREY = [0.299, 0.587, 0.114];

/**
 * @param {Source} source an image
 * @param {boolean} centred whether ink is scaled and centred as in MNIST
 * @param {(made: Values) => void} take called with the image as the model receives it
 * @returns {{ element: HTMLElement, forget: () => void }}
 */
export function fromFile({ shape, low, high, dark, name }, centred, take) {
  const [rows, columns, channels = 1] = shape;
  /** @type {{ pixels: Values, called: string } | null} the last one, red, green and blue from 0 to 1 */
  let read = null;
  const told = h("output", { class: "muted" });
  const field = h("input", { type: "file", accept: "image/*", "aria-label": `An image file: ${name}`, onchange: () => field.files?.[0] && open(field.files[0]) });
  const inverted = h("input", { type: "checkbox", onchange: () => use() });
  const invert = h("label", { hidden: true }, inverted, " Invert light and dark");
  const element = h("div", { class: "fromfile" }, h("label", {}, "Or an image file: ", field), invert, told);
  const open = async (/** @type {File} */ file) => {
    try {
      read = { pixels: await decoded(file), called: file.name || "The pasted image" };
    } catch (error) {
      told.textContent = error instanceof RangeError ? error.message : `${file.name || "What was pasted"} is not an image that this browser can read.`;
      return;
    }
    inverted.checked = dark && channels === 1 && edge(grey(read.pixels)) > 0.5;
    invert.hidden = false;
    use();
  };
  const use = () => {
    if (!read) return;
    const { pixels, called } = read;
    const given = channels === 3 ? pixels : grey(pixels);
    const turned = values(given.shape, inverted.checked ? given.data.map((value) => 1 - value) : given.data);
    const exact = given.shape[0] === rows && given.shape[1] === columns;
    const made = exact ? turned : centred ? asMnist(ink(turned)) : scaled(turned, rows, columns);
    take(values(shape, made.data.map((value) => low + value * (high - low))));
    const how = exact ? "taken as it is" : centred ? "the ink scaled and centred as in MNIST; what is close to the edge's brightness counts as paper" : "its middle, scaled";
    told.textContent = `${called}: ${pixels.shape[1]} × ${pixels.shape[0]} → ${columns} × ${rows}, ${channels === 3 ? "in colour" : "in grey"}, ${how}${inverted.checked ? "; inverted" : ""}. Black is ${brief(low)}, white ${brief(high)}: the range of the recorded rows.`;
  };
  listen(element, open);
  return { element, forget: () => { read = null; invert.hidden = true; told.textContent = field.value = ""; } };
}

/**
 * Take an image that is dropped near, or pasted while this is on the page.
 *
 * @param {HTMLElement} element
 * @param {(file: File) => void} open
 */
function listen(element, open) {
  // Of several fields the one with the focus takes it, else the first.
  const mine = () => element.isConnected && (document.activeElement?.closest(".editor")?.contains(element) ?? document.querySelector(".fromfile") === element);
  document.addEventListener("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file || !mine()) return;
    event.preventDefault();
    element.scrollIntoView({ block: "nearest" });
    open(file);
  });
  const over = (/** @type {DragEvent} */ event) => element.closest(".editor, .bench")?.contains(/** @type {Node} */ (event.target));
  document.addEventListener("dragover", (event) => over(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!over(event)) return;
    event.preventDefault();
    const [file] = event.dataTransfer?.files ?? [];
    if (file) open(file);
  });
}

/**
 * @param {File} file
 * @returns {Promise<Values>} red, green and blue from 0 to 1, over white paper; of a large image with fewer pixels
 */
async function decoded(file) {
  const too = (/** @type {string} */ what) => new RangeError(`${file.name} is too large: ${what}.`);
  if (file.size > MOST_BYTES) throw too(`it has ${Math.round(file.size / 1e6)} MB, and 50 are read at most`);
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) throw too(`it has ${Math.round((width * height) / 1e6)} million pixels, and 50 are read at most`);
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const [columns, rows] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = h("canvas", { width: columns, height: rows });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("no canvas");
  Object.assign(context, { fillStyle: "#fff", imageSmoothingQuality: "high" });
  context.fillRect(0, 0, columns, rows);
  context.drawImage(bitmap, 0, 0, columns, rows);
  bitmap.close();
  const { data } = context.getImageData(0, 0, columns, rows);
  return values([rows, columns, 3], Float32Array.from({ length: rows * columns * 3 }, (_, at) => data[Math.floor(at / 3) * 4 + (at % 3)] / 255));
}

/**
 * @param {Values} pixels red, green and blue
 * @returns {Values} their brightness
 */
function grey({ shape: [rows, columns], data }) {
  return values([rows, columns], Float32Array.from({ length: rows * columns }, (_, at) => GREY.reduce((sum, share, band) => sum + share * data[3 * at + band], 0)));
}

/**
 * @param {Values} image grey
 * @returns {number} the middle brightness of its edge
 */
function edge({ shape: [rows, columns], data }) {
  const found = [...data].filter((_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return !row || !column || row === rows - 1 || column === columns - 1;
  });
  return found.sort((one, other) => one - other)[found.length >> 1];
}

/**
 * @param {Values} image grey, light on dark
 * @returns {Values} its ink from 0 to 1: nothing where it is about as bright as the edge, all where it is brightest
 */
function ink(image) {
  const paper = edge(image);
  const most = image.data.reduce((one, other) => Math.max(one, other), 0);
  const from = paper + PAPER * (most - paper);
  return values(image.shape, image.data.map((value) => Math.max(0, value - from) / (most - from || 1)));
}

/**
 * @param {Values} image
 * @param {number} rows
 * @param {number} columns
 * @returns {Values} as much of its middle as has this shape, each pixel the mean of the area that it covers
 */
function scaled({ shape: [tall, wide, bands = 1], data }, rows, columns) {
  const cell = Math.min(tall / rows, wide / columns);
  const [top, left] = [(tall - rows * cell) / 2, (wide - columns * cell) / 2];
  const planes = Array.from({ length: bands }, (_, band) => values([tall, wide], data.filter((_, at) => at % bands === band)));
  return values([rows, columns, bands], Float32Array.from({ length: rows * columns * bands }, (_, at) => {
    const pixel = Math.floor(at / bands);
    return average(planes[at % bands], top + Math.floor(pixel / columns) * cell, left + (pixel % columns) * cell, cell);
  }));
}
