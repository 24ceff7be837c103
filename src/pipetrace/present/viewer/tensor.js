// Float32 tensors from the document, their exact texts, and the colours of their values.

/** @typedef {import("viewer/document.js").Tensor} Tensor */
/** @typedef {[number, number, number]} Colour */

/**
 * @param {Tensor} tensor of dtype float32
 * @returns {Float32Array}
 */
export function decode(tensor) {
  const bytes = Uint8Array.from(atob(tensor.base64), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  // Value by value, since the bytes are little-endian on every machine.
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(4 * index, true));
}

/**
 * The shortest decimal of a float32: 0.5019608, not the double that holds it. For a power of two it may have one
 * digit more than necessary.
 *
 * @param {number} value
 * @returns {string}
 */
export function exact(value) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Inf" : "-Inf";
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(Number(value.toPrecision(9)));
}

/**
 * A function from a position on the scale, 0 to 1, to a colour.
 *
 * @param {string[]} stops as "#rrggbb", from low to high
 * @returns {(position: number) => Colour}
 */
export function ramp(stops) {
  const colours = stops.map((stop) => [1, 3, 5].map((at) => parseInt(stop.slice(at, at + 2), 16)));
  return (position) => {
    const at = Math.min(1, Math.max(0, position)) * (colours.length - 1);
    const low = Math.min(Math.floor(at), colours.length - 2);
    const part = at - low;
    const mix = (/** @type {number} */ band) =>
      Math.round((colours[low]?.[band] ?? 0) * (1 - part) + (colours[low + 1]?.[band] ?? 0) * part);
    return [mix(0), mix(1), mix(2)];
  };
}
