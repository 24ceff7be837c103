// Which epochs can be looked at, what they are called, and how one goes from one to the next.

import { h } from "viewer/dom.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

const STEP_MS = 700;
const CALM_STEP_MS = 1400;

/**
 * @typedef {object} Epochs
 * @property {number[]} all those that can be looked at, in order; 0 is before training
 * @property {(epoch: number) => string} short such as "start", "3" or "end"
 * @property {(epoch: number) => string} long such as "before training" or "after epoch 3"
 * @property {(steps: number) => void} go to another one
 * @property {(told: (plays: boolean) => void) => void} play all of them, or stop that
 */

/**
 * @param {readonly number[]} numbers of the epochs
 * @param {boolean} before whether the time before training can be looked at
 * @param {State} state
 * @returns {Epochs}
 */
export function epochsOf(numbers, before, state) {
  const last = numbers.at(-1) ?? 0;
  const { end } = state;
  const first = end > 0 && before ? [0] : [];
  const all = [...new Set([...first, ...numbers, ...(numbers.length ? [end] : [])])];
  const long = (/** @type {number} */ epoch) => {
    if (epoch > last) return "after training";
    return epoch ? `after epoch ${epoch}` : "before training";
  };
  const short = (/** @type {number} */ epoch) => (epoch > last ? "end" : epoch ? String(epoch) : "start");
  const go = (/** @type {number} */ steps) => {
    const at = all.indexOf(state.now.epoch) + steps;
    if (all.length) state.set("epoch", all[Math.min(all.length - 1, Math.max(0, at))]);
  };
  let timer = 0;
  return {
    all,
    short,
    long,
    go,
    play: (told) => {
      const stop = () => {
        clearInterval(timer);
        timer = 0;
        told(false);
      };
      if (timer) return stop();
      told(true);
      if (state.now.epoch === all.at(-1)) state.set("epoch", all[0]);
      const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
      // Of many epochs some are left out, so that it takes no longer than a dozen.
      const step = Math.max(1, Math.round(all.length / 24));
      timer = window.setInterval(() => {
        go(step);
        if (state.now.epoch === all.at(-1)) stop();
      }, calm ? CALM_STEP_MS : STEP_MS);
    },
  };
}

/**
 * @param {Model} model
 * @param {Epochs} epochs
 * @param {number} epoch
 * @returns {string} which epoch the pictures are of, where its own weights are not in the page; else empty
 */
export function instead(model, epochs, epoch) {
  const near = model.nearest(epoch);
  if (near === epoch) return "";
  const why = model.epochs.length < 2 ? "no weights of earlier epochs are in this page" : `the weights ${epochs.long(epoch)} are not in this page`;
  return `The images are those ${epochs.long(near)}: ${why}.`;
}

/**
 * @param {State} state
 * @returns {HTMLElement} a line that is seen while an earlier epoch is looked at, above what is always of the end
 */
export function afterTraining(state) {
  const line = h("p", { class: "muted" }, "What follows was measured after training, whichever epoch is chosen.");
  state.watch("epoch", () => (line.hidden = state.now.epoch === state.end));
  return line;
}
