// Answers that are not in the page in clear. `present/teach/hidden.py` says how they are hidden.

const LETTERS = "ABCD";

/**
 * What the page may know of a question once an option was chosen.
 *
 * @template {{ sealed: string[], options: string[], answer: number, remarks: string[] }} T
 * @param {T} question
 * @param {number | null} chosen
 * @returns {T} itself, or with the answer where it is hidden and the chosen one is right
 */
export function opened(question, chosen) {
  const [salt, check, hidden] = question.sealed.map(bytes);
  if (!salt || chosen === null) return question;
  const key = sha256([...salt, LETTERS.charCodeAt(chosen)]);
  if (`${sha256([...key])}` !== `${check}`) return question;
  const remark = hidden.map((byte, index) => byte ^ block(key, index >> 5)[index % 32]);
  return { ...question, answer: chosen, remarks: question.options.map((_, index) => (index === chosen ? new TextDecoder().decode(remark) : "")) };
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
