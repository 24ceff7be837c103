// The one state of the page, mirrored in the address. Views read it and listen to the keys they draw.

/**
 * @typedef {object} Shape
 * @property {number} row the number in the data of the row that is looked at
 * @property {number} epoch whose weights are looked at, 0 for before training; the model's end for as training left it
 * @property {string} stage the one that is open
 * @property {number[] | null} place of the value that is looked at, in the open stage; null for its strongest
 * @property {number | null} channel the one that was chosen last; it stays chosen in every stage
 * @property {string | null} cell whose rows are listed: of the confusion matrix, "3.5" for a 3 predicted as a 5
 * @property {number} run of several that are compared, the one that is shown where there is room for one
 * @property {number} head of an attention, counted from 0
 * @property {boolean} rather whether a class is compared with the true one, or with the next
 * @property {boolean} symbols whether formulas are written in symbols too
 * @property {string} axes the features that the plane is drawn over, by their numbers, "0.2"; empty for the first ones
 * @property {string} surface what is drawn over it: "hidden.3" for a unit of a stage; empty for the model's output
 * @property {string} theme light or dark; empty for that of the system
 * @property {boolean} reload whether the page of a running training loads itself again
 * @property {string} mode the way to learn that is shown
 * @property {number} step of a mode that has steps, counted from 0
 * @property {number} question the quiz question that is shown; past the last one, the result
 * @property {(number | null)[]} answers the option chosen for each question
 */

/** @typedef {keyof Shape} Key */

export class State {
  /**
   * @param {number} questions how many there are
   * @param {{ stage: string, row: number, epoch: number }} first what is open at the start
   * @param {(stage: string) => number} channels how many a stage has
   */
  constructor(questions, { stage, row, epoch }, channels) {
    this.channels = channels;
    this.first = { stage, row, epoch };
    /** @type {Shape} */
    this.now = {
      row,
      epoch,
      stage,
      place: null,
      channel: null,
      cell: null,
      run: 0,
      head: 0,
      rather: false,
      symbols: false,
      axes: "",
      surface: "",
      theme: "",
      reload: true,
      mode: "visualize",
      step: 0,
      question: 0,
      answers: new Array(questions).fill(null),
    };
    /** @type {Map<number, { stage: string, place: number[] }>} the place that was looked at last, by its number of axes */
    this.latest = new Map();
    /** @type {[Key[], () => void][]} */
    this.listeners = [];
    /** Around all that is drawn again. */
    this.within = (/** @type {() => void} */ draw) => draw();
  }

  /** @returns {number} the epoch that stands for the model as training left it */
  get end() {
    return this.first.epoch;
  }

  /** @returns {import("viewer/model/model.js").At} */
  get at() {
    return { row: this.now.row, epoch: this.now.epoch };
  }

  /**
   * @template {Key} K
   * @param {K} key
   * @param {Shape[K]} value
   */
  set(key, value) {
    this.update(/** @type {any} */ ({ [key]: value }));
  }

  /**
   * Change several parts at once; who watches more than one of them is told once.
   *
   * @param {Partial<Shape>} changes
   */
  update(changes) {
    const keys = /** @type {Key[]} */ (Object.keys(changes)).filter((key) => !same(this.now[key], changes[key]));
    Object.assign(this.now, changes);
    // A stage with one channel, such as a grey image, leaves nothing to choose.
    if (keys.includes("place") && this.now.place && this.now.place.length > 2 && this.channels(this.now.stage) > 1) this.now.channel = this.now.place[this.now.place.length - 1];
    if (this.now.place) {
      this.latest.delete(this.now.place.length); // the latest stands at the end
      this.latest.set(this.now.place.length, { stage: this.now.stage, place: this.now.place });
    }
    this.changed(...keys);
  }

  /**
   * Tell those who watch one of these keys that what it stands for is another now.
   *
   * @param {...Key} keys
   */
  changed(...keys) {
    this.within(() => {
      for (const [watched, listener] of this.listeners) if (watched.some((key) => keys.includes(key))) listener();
    });
  }

  /**
   * Open a stage.
   *
   * @param {string} stage
   * @param {number[] | null} [place] of its value to look at, the strongest when left out
   */
  open(stage, place = null) {
    if (this.now.stage !== stage) this.update({ stage, place });
  }

  /**
   * Call a function now and whenever one of the keys changes.
   *
   * @param {Key | Key[]} keys
   * @param {() => void} listener
   */
  watch(keys, listener) {
    this.listeners.push([[keys].flat(), listener]);
    listener();
  }
}

/**
 * @param {unknown} one
 * @param {unknown} other
 * @returns {boolean}
 */
function same(one, other) {
  if (Array.isArray(one) && Array.isArray(other)) return `${one}` === `${other}`;
  return one === other;
}
