// Answers that are not in the page in clear. `present/teach/hidden.py` says how they are hidden.

const LETTERS = "ABCD";
const STEPS = 2;

/**
 * What the page may know of a question once an option was chosen.
 *
 * @template {{ sealed: string[], options: string[], answer: number, remarks: string[] }} T
 * @param {T} question
 * @param {number | null} chosen
 * @returns {T} itself, or with the answer where it is hidden and the chosen one is right
 */
export function opened(question, chosen) {
  const [salt, check, hidden] = question.sealed;
  if (!salt || chosen === null) return question;
  const key = keyOf(salt, LETTERS[chosen]);
  if (!fits(key, check)) return question;
  return { ...question, answer: chosen, remarks: question.options.map((_, index) => (index === chosen ? shown(hidden, key) : "")) };
}

/**
 * What the page may know of what was filled into a blank.
 *
 * @param {{ sealed: string[], within: number }} blank
 * @param {string} text as plain as it can be written
 * @returns {{ key: Uint8Array | null, remark: string }} the key if it is right; what to say if it is a known slip
 */
export function filled({ sealed: [salt, answer, ...slips], within }, text) {
  const keys = meanings(text, within).map((each) => keyOf(salt, each));
  const key = keys.find((each) => fits(each, answer)) ?? null;
  for (let at = 0; !key && at < slips.length; at += 2) {
    const known = keys.find((each) => fits(each, slips[at]));
    if (known) return { key, remark: shown(slips[at + 1], known) };
  }
  return { key, remark: "" };
}

/**
 * @param {string} solution encrypted
 * @param {Uint8Array[]} keys of all blanks
 * @returns {string}
 */
export function unlocked(solution, keys) {
  return shown(solution, sha256(keys.flatMap((key) => [...key])));
}

/**
 * @param {string} text
 * @param {number} within how far a number may be from the answer
 * @returns {string[]} the answers that it would be right for
 */
function meanings(text, within) {
  const value = text === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) return [text];
  if (!within) return [Number.isInteger(value) ? String(value) : text];
  const place = Math.floor(value / (within / STEPS) + 0.5);
  return Array.from({ length: 2 * STEPS + 1 }, (_, index) => String(place + index - STEPS));
}

/**
 * @param {string} salt
 * @param {string} answer
 * @returns {Uint8Array}
 */
function keyOf(salt, answer) {
  return sha256([...bytes(salt), ...new TextEncoder().encode(answer)]);
}

/**
 * @param {Uint8Array} key
 * @param {string} check
 * @returns {boolean}
 */
function fits(key, check) {
  return `${sha256([...key])}` === `${bytes(check)}`;
}

/**
 * @param {string} hidden
 * @param {Uint8Array} key
 * @returns {string}
 */
function shown(hidden, key) {
  return new TextDecoder().decode(bytes(hidden).map((byte, index) => byte ^ block(key, index >> 5)[index % 32]));
}

/**
 * @param {Uint8Array} key
 * @param {number} number
 * @returns {Uint8Array} what a block of the explanation was combined with
 */
function block(key, number) {
  return sha256([...key, number >> 8, number & 255]);
}

/**
 * @param {string} text base64
 * @returns {Uint8Array}
 */
function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

/**
 * SHA-256 (FIPS 180-4). The browser's own is missing where a page comes from a server without encryption.
 *
 * @param {number[]} message its bytes
 * @returns {Uint8Array}
 */
export function sha256(message) {
  const length = message.length;
  const padded = new Uint8Array((((length + 8) >> 6) + 1) << 6);
  padded.set(message);
  padded[length] = 128;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, 8 * length);
  const state = primes(8).map((prime) => fraction(Math.sqrt(prime)));
  const words = new Uint32Array(64);
  for (let start = 0; start < padded.length; start += 64) {
    for (let t = 0; t < 64; t++) words[t] = t < 16 ? view.getUint32(start + 4 * t) : small(words[t - 2], 17, 19, 10) + words[t - 7] + small(words[t - 15], 7, 18, 3) + words[t - 16];
    let [a, b, c, d, e, f, g, h] = state;
    for (let t = 0; t < 64; t++) {
      const one = h + large(e, 6, 11, 25) + ((e & f) ^ (~e & g)) + CONSTANTS[t] + words[t];
      const two = large(a, 2, 13, 22) + ((a & b) ^ (a & c) ^ (b & c));
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, index) => (state[index] = (state[index] + value) | 0));
  }
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((value, index) => digest.setInt32(4 * index, value));
  return new Uint8Array(digest.buffer);
}

const CONSTANTS = primes(64).map((prime) => fraction(Math.cbrt(prime)));

/**
 * @param {number} count
 * @returns {number[]} the first primes
 */
function primes(count) {
  /** @type {number[]} */
  const found = [];
  for (let each = 2; found.length < count; each++) if (found.every((prime) => each % prime)) found.push(each);
  return found;
}

/**
 * @param {number} value
 * @returns {number} the first 32 bits of what follows its point
 */
function fraction(value) {
  return ((value % 1) * 2 ** 32) | 0;
}

/**
 * @param {number} word
 * @param {number} by
 * @returns {number}
 */
function turned(word, by) {
  return (word >>> by) | (word << (32 - by));
}

/**
 * @param {number} word
 * @param {number} one
 * @param {number} two
 * @param {number} three
 * @returns {number}
 */
function large(word, one, two, three) {
  return turned(word, one) ^ turned(word, two) ^ turned(word, three);
}

/**
 * @param {number} word
 * @param {number} one
 * @param {number} two
 * @param {number} shift
 * @returns {number}
 */
function small(word, one, two, shift) {
  return turned(word, one) ^ turned(word, two) ^ (word >>> shift);
}
