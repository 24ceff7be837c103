// Numbers as texts.

const MINUS = "\u2212";
const NUMBER = new Intl.NumberFormat("en"); // making one takes longer than all that it formats

/**
 * @param {number} value
 * @param {number} [digits] significant ones
 * @returns {string}
 */
export function figure(value, digits = 3) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "Inf" : `${MINUS}Inf`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? MINUS : "";
  if (size < 1e-4 || size >= 1e7) return sign + size.toExponential(digits - 1).replace("e-", "e\u2212");
  if (size >= 100) return sign + counted(Math.round(size));
  const rounded = Number(size.toPrecision(digits));
  return sign + rounded.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(rounded) + 1e-9)));
}

/**
 * @param {number} value
 * @returns {string} whole numbers as they are, others with three digits
 */
export function brief(value) {
  return Number.isInteger(value) && Math.abs(value) < 1e6 ? fixed(value, 0) : figure(value);
}

/**
 * @param {number} value
 * @param {number} [places] after the point
 * @returns {string}
 */
export function fixed(value, places = 3) {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e6) return figure(value);
  const text = Math.abs(value).toFixed(places);
  return value < 0 && Number(text) !== 0 ? MINUS + text : text;
}

/**
 * @param {number} value
 * @param {number} [places]
 * @returns {string} with its sign, also where it is positive
 */
export function signed(value, places = 3) {
  return value >= 0 ? `+${fixed(value, places)}` : fixed(value, places);
}

/**
 * @param {number} share from 0 to 1
 * @returns {string}
 */
export function percent(share) {
  if (!Number.isFinite(share)) return figure(share);
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<0.1\u00a0%";
  if (value < 100 && value >= 99.95) return ">99.9\u00a0%";
  return `${value.toFixed(1)}\u00a0%`;
}

/**
 * @param {number} count
 * @returns {string} with commas
 */
export function counted(count) {
  return NUMBER.format(count);
}

/**
 * @param {readonly number[]} shape
 * @returns {string} such as "26 × 26 × 32"
 */
export function dimensions(shape) {
  return shape.length ? shape.map(counted).join(" × ") : "one number";
}
