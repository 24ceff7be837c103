// Float32 tensors from the document and their exact texts.

/** @typedef {import("viewer/document.js").Tensor} Tensor */

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
