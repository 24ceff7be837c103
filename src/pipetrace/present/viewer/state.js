// The one state of the page. Views read it and listen to the keys they draw.

/**
 * @typedef {object} Shape
 * @property {number | null} epoch the epoch under the pointer, in the charts and in the table
 * @property {number} question the quiz question that is shown; past the last one, the result
 * @property {(number | null)[]} answers the option chosen for each question
 */

export class State {
  /** @param {number} questions how many there are */
  constructor(questions) {
    /** @type {Shape} */
    this.now = { epoch: null, question: 0, answers: new Array(questions).fill(null) };
    /** @type {Map<keyof Shape, (() => void)[]>} */
    this.listeners = new Map();
  }

  /**
   * @template {keyof Shape} Key
   * @param {Key} key
   * @param {Shape[Key]} value
   */
  set(key, value) {
    if (this.now[key] === value) return;
    this.now[key] = value;
    for (const listener of this.listeners.get(key) ?? []) listener();
  }

  /**
   * Call a function now and whenever the key changes.
   *
   * @param {keyof Shape} key
   * @param {() => void} listener
   */
  watch(key, listener) {
    this.listeners.set(key, [...(this.listeners.get(key) ?? []), listener]);
    listener();
  }
}
