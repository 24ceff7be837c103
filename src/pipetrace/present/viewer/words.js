// The words of the field, explained where they first occur in a text: by pointing, focus or touch.

import { h } from "viewer/dom.js";

/** Stands where a value will be. */
export const COMPUTING = "Being computed …";

const TOGETHER = "Each filter has one kernel, its weights; laid on every position it gives one map; and each map is one channel of the output.";

/** @type {Record<string, string>} */
const WORDS = {
  kernel: `The weights of one filter. They are learned in training. ${TOGETHER}`,
  filter: `A small pattern of weights that is laid on every position of the input. ${TOGETHER}`,
  map: `What one filter gives at all positions, as an image. ${TOGETHER}`,
  stride: "How many positions the window moves on from one output to the next.",
  padding: "Zeros around the input, so that the window also fits at its edge.",
  patch: "The part of the input that the window covers.",
  bias: "One learned number that is added to the sum. It moves the level from which on a unit responds.",
  edge: "Large weights on one side of the kernel and small ones on the other: it answers where the input changes.",
  line: "Large weights along a line, small ones on both sides of it.",
  blob: "A centre that differs from what is around it.",
  blur: "All weights alike: the sum of what the window covers.",
  ripple: "Weights that go up and down around the centre.",
  channel: `One of the layers of values at every position: red, green and blue of an image, or what one filter gave. ${TOGETHER}`,
  unit: "One output of a layer, with weights of its own.",
  weight: "A number that the network learns.",
  activation: "A function that each value passes before it goes on. The commonest is ReLU: negative values become 0.",
  loss: "How wrong the model is, in one number: the lower the better. Training makes it smaller.",
  validation: "With rows that training does not use: how well the model does on what it has not seen.",
  ReLU: "An activation function: negative values become 0, all others stay.",
  sigmoid: "An activation function that maps every number to a value between 0 and 1.",
  tanh: "An activation function that maps every number to a value between −1 and 1.",
  Softmax: "Turns scores into probabilities: e to each score, divided by the sum of all of them.",
  logit: "The score of a class before softmax. It can be any number.",
  embedding: "A learned vector for each word or number of a vocabulary.",
  dropout: "In training, a random part of the values is set to 0, so that no unit relies on a single other one.",
  "cross-entropy": "A loss for classes: −ln of the probability that the model gave to the true class, averaged over the rows.",
  FLOP: "A floating-point operation: one multiplication or addition. A multiply-add counts as two.",
  parameter: "A number of the model, such as a weight or a bias. Training finds it, unless it is frozen.",
  "learning rate": "How far each step moves the weights against their gradients.",
  seed: "The number that random draws begin with: the same seed gives the same first weights and the same order of rows.",
  noise: "How much a result differs between trainings that differ in their seed alone.",
  "Student's t": "A test of statistics: whether two means differ by more than the spread of a few measurements explains. A few show only part of the spread, so the limit is a multiple of it; luck alone passes it in fewer than 5 % of cases.",
  SGD: "Stochastic gradient descent, an optimizer: each weight moves by the learning rate x its gradient.",
  overfitting: "The model fits the training rows better and better, and others no longer.",
  optimizer: "How each step changes the weights, from their gradients.",
  Adam: "An optimizer: it gives each weight a step size of its own, from averages of its gradients and of their squares.",
  calibrated: "As often right as it is sure: of the rows with a probability of 80 %, 80 % are right.",
  "calibration error": "How far the probabilities are from how often they are right, averaged over the rows.",
  "harmonic mean": "A mean that is close to the smaller of two numbers: 2 / (1/a + 1/b).",
  variance: "The mean squared distance of values from their mean.",
  nat: "The unit of a loss that is made with the natural logarithm: 0.693 nats are one bit.",
  batch: "The rows that one training step sees.",
  epoch: "One pass over all training rows.",
  norm: "How large many numbers are together: the square root of the sum of their squares.",
  gradient: "How the loss changes with a weight. Training moves each weight against it.",
  query: "The vector of a position that is compared with the keys of all positions.",
  key: "The vector of a position that queries are compared with.",
  head: "One of several attentions side by side, each with weights of its own.",
  mask: "Marks the steps that are only padding, so that later layers skip them.",
  mean: "The sum of the values, divided by their number.",
  "standard deviation": "How far values lie from their mean, typically: the root of the mean squared distance.",
};
/** What a kernel is like; elsewhere these words mean something else. */
const LIKENESSES = ["edge", "line", "blob", "blur", "ripple"];
const PATTERN = new RegExp(`\\b((?:${Object.keys(WORDS).map(written).join("|")})(?:e?s)?)\\b`, "g");

let next = 0;

/**
 * A text, in which each word of the list is explained where it stands first.
 *
 * @param {string} text
 * @param {Set<string>} [seen] what was explained before
 * @returns {(string | HTMLElement)[]}
 */
export function explained(text, seen = new Set()) {
  const parts = text.split(PATTERN);
  return parts.map((part, at) => {
    const meaning = at % 2 ? (WORDS[part] ?? WORDS[part.replace(/s$/, "")] ?? WORDS[part.replace(/es$/, "")]) : undefined;
    if (!meaning || seen.has(meaning)) return part;
    seen.add(meaning);
    const id = `word-${next++}`;
    const word = h(
      "button",
      { type: "button", class: "word", "aria-describedby": id },
      part,
      h("span", { role: "tooltip", id }, meaning),
    );
    // No line begins with what belongs to the word.
    const [mark = ""] = /^[).,:;]+/.exec(parts[at + 1] ?? "") ?? [];
    parts[at + 1] = parts[at + 1]?.slice(mark.length);
    return mark ? h("span", { class: "unbroken" }, word, mark) : word;
  });
}

/**
 * @param {string} word
 * @returns {string} where it has its meaning
 */
function written(word) {
  if (LIKENESSES.includes(word)) return `(?<=%\\s)${word}`;
  return word === "map" ? "map(?!s)" : word;
}
