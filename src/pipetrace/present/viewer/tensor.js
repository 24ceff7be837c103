// Float32 tensors from the document and their exact texts.

/** @typedef {import("viewer/document.js").Tensor} Tensor */

/**
 * @param {string} base64
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function bytesOf(base64) {
  const letters = atob(base64);
  const bytes = new Uint8Array(letters.length);
  // A loop takes a tenth of the time of Uint8Array.from, and a page has a million of them.
  for (let at = 0; at < bytes.length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

/**
 * @param {Tensor} tensor of dtype float32
 * @returns {Float32Array}
 */
export function decode(tensor) {
  const view = new DataView(bytesOf(tensor.base64).buffer);
  const found = new Float32Array(view.byteLength / 4);
  // Value by value, since the bytes are little-endian on every machine.
  for (let at = 0; at < found.length; at++) found[at] = view.getFloat32(4 * at, true);
  return found;
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
