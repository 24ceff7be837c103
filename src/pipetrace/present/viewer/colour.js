// Colours of numbers. Zero is the colour of the paper, so that ink, activations and weights are read in the same way.

/** @typedef {[number, number, number]} Colour */
/** @typedef {"ink" | "activation" | "signed"} Ramp */

/** @type {Record<"light" | "dark", Record<"ink" | "activation" | "minus" | "plus", string[]>>} */
const RAMPS = {
  light: {
    ink: ["#f1f3f5", "#b9bcc0", "#101215"],
    activation: ["#f1f3f5", "#cfe3e4", "#8fc3c9", "#4392a6", "#1b607f", "#0b2e4e"],
    minus: ["#f1f3f5", "#f3c9a0", "#d9832f", "#8f3f04"],
    plus: ["#f1f3f5", "#b5cfea", "#5a93cc", "#174a88"],
  },
  dark: {
    ink: ["#1d242b", "#7b828a", "#ffffff"],
    activation: ["#1d242b", "#1f4758", "#277489", "#45a5a8", "#97d3bb", "#f3f8d8"],
    minus: ["#1d242b", "#6a3a14", "#c8701f", "#ffc68a"],
    plus: ["#1d242b", "#1d4169", "#3f82c6", "#b0d6ff"],
  },
};
const LEVELS = 256;
/** An image without a larger value is not one of 0 to 255. */
const FAINT = 16;
const [DARK, PAPER] = [matchMedia("(prefers-color-scheme: dark)"), matchMedia("print")];

/** @returns {"light" | "dark"} the theme that is shown */
export function theme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen === "light" || chosen === "dark") return chosen;
  return DARK.matches && !PAPER.matches ? "dark" : "light";
}

/**
 * @param {readonly string[]} stops as "#rrggbb"
 * @param {number} position from 0 to 1
 * @returns {Colour}
 */
function between(stops, position) {
  const at = Math.min(1, Math.max(0, position)) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  const [one, other] = [stops[low], stops[low + 1]].map((stop) =>
    [1, 3, 5].map((index) => parseInt(stop.slice(index, index + 2), 16)),
  );
  const mixed = one.map((band, k) => Math.round(band + (other[k] - band) * (at - low)));
  return [mixed[0], mixed[1], mixed[2]];
}

/** @type {Map<string, Uint32Array>} */
const TABLES = new Map();

/**
 * @param {Ramp} ramp
 * @returns {Uint32Array} the colours from -1 to 1 for a signed ramp, and from 0 to 1 for others, as canvas pixels
 */
function tableOf(ramp) {
  const key = `${theme()} ${ramp}`;
  let table = TABLES.get(key);
  if (!table) {
    const length = ramp === "signed" ? 2 * LEVELS - 1 : LEVELS;
    const zero = ramp === "signed" ? LEVELS - 1 : 0;
    table = Uint32Array.from({ length }, (_, at) => {
      const [red, green, blue] = colourOf((at - zero) / (LEVELS - 1), 1, ramp);
      return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
    });
    TABLES.set(key, table);
  }
  return table;
}

/**
 * @param {number} value
 * @param {number} most the value of the darkest colour
 * @param {Ramp} ramp
 * @returns {Colour}
 */
export function colourOf(value, most, ramp) {
  const share = value / (most || 1) || 0; // NaN has the colour of the paper
  const ramps = RAMPS[theme()];
  if (ramp === "signed") return between(share < 0 ? ramps.minus : ramps.plus, Math.abs(share));
  return between(ramps[ramp], share);
}

/**
 * @param {Colour} colour
 * @returns {string} black or white, whichever has more contrast: by WCAG 2 both are equal at a luminance of 0.179
 */
export function inkOn(colour) {
  const [red, green, blue] = colour.map((band) => {
    const share = band / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

/** @type {WeakMap<HTMLCanvasElement, { context: CanvasRenderingContext2D, image: ImageData, pixels: Uint32Array }>} */
const SHEETS = new WeakMap();

/**
 * The pixels of a canvas. They are few, so they stay in plain memory: a browser composes a canvas on the graphics card as
 * a layer of its own, which takes longer than to paint it.
 *
 * @param {HTMLCanvasElement} canvas
 */
function sheetOf(canvas) {
  const { width, height } = canvas;
  const known = SHEETS.get(canvas);
  if (known && known.image.width === width && known.image.height === height) return known;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context || !width || !height) return null;
  const image = context.createImageData(width, height);
  const made = { context, image, pixels: new Uint32Array(image.data.buffer) };
  SHEETS.set(canvas, made);
  return made;
}

/**
 * Paint values on a canvas, one pixel a value. NaN and Inf are hatched.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values row by row
 * @param {number} columns
 * @param {number} most
 * @param {Ramp} ramp
 */
export function paint(canvas, values, columns, most, ramp) {
  const rows = Math.ceil(values.length / columns);
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  paintMaps(canvas, [{ values, left: 0, top: 0 }], columns, most, ramp);
}

/**
 * Paint several maps on a canvas that has room for them.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {readonly { values: ArrayLike<number>, left: number, top: number }[]} maps and where the first value of each stands
 * @param {number} columns of each
 * @param {number} most
 * @param {Ramp} ramp
 */
export function paintMaps(canvas, maps, columns, most, ramp) {
  const sheet = sheetOf(canvas);
  if (!sheet) return;
  const { context, image, pixels } = sheet;
  const { width } = image;
  pixels.fill(0);
  const table = tableOf(ramp);
  const [zero, last] = [ramp === "signed" ? LEVELS - 1 : 0, table.length - 1];
  const scale = (LEVELS - 1) / (most || 1);
  let broken = false;
  for (const { values, left, top } of maps)
    for (let at = 0, row = top; at < values.length; row++)
      for (let column = left; column < left + columns; column++, at++)
        if (Number.isFinite(values[at])) pixels[row * width + column] = table[Math.min(last, Math.max(0, Math.round(values[at] * scale) + zero))];
        else broken ||= values[at] !== undefined;
  canvas.classList.toggle("broken", broken);
  canvas.title = broken ? "hatched: NaN or Inf" : "";
  context.putImageData(image, 0, 0);
}

/**
 * The values of black and of white in an image in colour: 0 and 1, 0 and 255, or -1 and 1 where its values are of such a
 * scale, else its own smallest and largest ones.
 *
 * @param {ArrayLike<number>} values
 * @returns {[number, number]}
 */
export function brightness(values) {
  let [low, high, whole] = [0, 0, true];
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
    whole &&= Number.isInteger(value);
  }
  if (low < 0) return low >= -1 && high <= 1 ? [-1, 1] : [low, high];
  if (high <= 1) return [0, 1];
  return high <= 255 && (whole || high > FAINT) ? [0, 255] : [0, high];
}

/**
 * Paint red, green and blue values as they are. A pixel that is NaN is hatched.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values row by row, three a pixel
 * @param {number} columns
 * @param {[number, number]} range the values of black and of white
 */
export function paintColours(canvas, values, columns, [low, high]) {
  const rows = values.length / 3 / columns;
  if (canvas.width !== columns || canvas.height !== rows) Object.assign(canvas, { width: columns, height: rows });
  const sheet = sheetOf(canvas);
  if (!sheet) return;
  const { context, image } = sheet;
  let broken = false;
  for (let at = 0; at < values.length / 3; at++) {
    const known = Number.isFinite(values[3 * at]);
    broken ||= !known;
    for (let band = 0; band < 3; band++)
      image.data[4 * at + band] = (255 * (values[3 * at + band] - low)) / (high - low || 1);
    image.data[4 * at + 3] = known ? 255 : 0;
  }
  canvas.classList.toggle("broken", broken);
  context.putImageData(image, 0, 0);
}
