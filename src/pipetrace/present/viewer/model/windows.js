// Which input places each output place of a convolution or a pooling looks at, one axis at a time.

/** @typedef {{ at: number, k: number }} Tap an input position, -1 in the padding, and the kernel position on it */
/** @typedef {{ length: number, taps: Tap[][] }} Axis output positions of one axis, and what each looks at */

/**
 * @param {number} length of the input
 * @param {number} kernel
 * @param {{ stride: number, dilation: number, padding: string }} options
 * @returns {{ extent: number, count: number, before: number, after: number }} how many cells the window spans, how many
 *   positions it has, and how many zeros are put before and after the input
 */
export function fitted(length, kernel, { stride, dilation, padding }) {
  const extent = (kernel - 1) * dilation + 1;
  const valid = padding === "valid";
  const count = valid ? Math.max(0, Math.floor((length - extent) / stride) + 1) : Math.ceil(length / stride);
  const lacking = valid ? 0 : Math.max((count - 1) * stride + extent - length, 0);
  const before = { valid: 0, causal: extent - 1, same: Math.floor(lacking / 2) }[padding];
  if (before === undefined) throw new RangeError(`padding ${padding}`);
  return { extent, count, before, after: Math.max(0, lacking - before) };
}

/**
 * One axis of a window that slides: output `o` looks at `o * stride + k * dilation - before`.
 *
 * @param {number} length of the input
 * @param {number} kernel
 * @param {{ stride: number, dilation: number, padding: string }} options
 * @returns {Axis}
 */
export function sliding(length, kernel, options) {
  const { count, before } = fitted(length, kernel, options);
  const { stride, dilation } = options;
  const taps = Array.from({ length: count }, (_, o) =>
    Array.from({ length: kernel }, (_, k) => {
      const at = o * stride + k * dilation - before;
      return { at: at >= 0 && at < length ? at : -1, k };
    }),
  );
  return { length: count, taps };
}

/**
 * One axis of a transposed convolution: input `i` adds to the outputs `i * stride + k * dilation - before`.
 *
 * @param {number} length of the input
 * @param {number} kernel
 * @param {{ stride: number, dilation: number, padding: string }} options
 * @returns {Axis}
 */
export function spreading(length, kernel, { stride, dilation, padding }) {
  const over = Math.max((kernel - 1) * dilation + 1 - stride, 0);
  const before = padding === "same" ? Math.floor(over / 2) : 0;
  const count = length * stride + (padding === "same" ? 0 : over);
  const taps = Array.from({ length: count }, (_, o) => {
    /** @type {Tap[]} */
    const found = [];
    for (let k = 0; k < kernel; k++) {
      const at = (o + before - k * dilation) / stride;
      if (Number.isInteger(at) && at >= 0 && at < length) found.push({ at, k });
    }
    return found;
  });
  return { length: count, taps };
}

/**
 * What an output place looks at over all axes: the numbers of the input places, -1 in the padding, and of the
 * kernel places, both counted without channels.
 *
 * @param {readonly Axis[]} axes
 * @param {readonly number[]} lengths of the input's axes
 * @param {readonly number[]} kernel
 * @param {readonly number[]} place of the output
 * @returns {Tap[]}
 */
export function tapsOf(axes, lengths, kernel, place) {
  let found = [{ at: 0, k: 0 }];
  axes.forEach((axis, number) => {
    const next = axis.taps[place[number]];
    found = found.flatMap((one) =>
      next.map((other) => ({
        at: one.at < 0 || other.at < 0 ? -1 : one.at * lengths[number] + other.at,
        k: one.k * kernel[number] + other.k,
      })),
    );
  });
  return found;
}

/**
 * What all output places look at, one place after the other in the order of the output, the padding left out.
 *
 * @param {readonly Axis[]} axes
 * @param {readonly number[]} lengths of the input's axes
 * @param {readonly number[]} kernel
 * @returns {{ count: number, starts: number[], at: number[], k: number[] }} the output places; where the taps of each begin
 *   and end; the numbers of the input places and of the kernel places
 */
export function allTaps(axes, lengths, kernel) {
  let [starts, at, k] = [[0, 1], [0], [0]];
  axes.forEach((axis, number) => {
    /** @type {[number[], number[], number[]]} */
    const [nextStarts, nextAt, nextK] = [[0], [], []];
    for (let place = 0; place + 1 < starts.length; place++)
      for (const taps of axis.taps) {
        for (let one = starts[place]; one < starts[place + 1]; one++)
          for (const tap of taps) {
            if (tap.at < 0) continue;
            nextAt.push(at[one] * lengths[number] + tap.at);
            nextK.push(k[one] * kernel[number] + tap.k);
          }
        nextStarts.push(nextAt.length);
      }
    [starts, at, k] = [nextStarts, nextAt, nextK];
  });
  return { count: starts.length - 1, starts, at, k };
}

/**
 * A setting with one number an axis, which Keras may keep as one number.
 *
 * @param {number | number[] | null | undefined} given
 * @param {number} axes
 * @param {number} otherwise
 * @returns {number[]}
 */
export function perAxis(given, axes, otherwise = 1) {
  if (Array.isArray(given)) return given;
  return new Array(axes).fill(given ?? otherwise);
}
