// What if a weight had another value? The reader sets it, and everything follows; nothing of that is recorded.

import { h } from "viewer/dom.js";
import { counted, figure, signed } from "viewer/figures.js";
import { tracedName } from "viewer/explore/place.js";
import { agrees, check, isKnown, sources } from "viewer/own/check.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/layers.js").Term} Term */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */
/** @typedef {{ name: string, place: number, text: string, term: Term | null }} Weight one that a value was made with */

const MOST_LISTED = 12;
const MOST_CELLS = 49;
/** So many fit into a field; the whole weight is its title. */
const DIGITS = 4;
/** The steps of a field between the largest weight and 0. */
const STEPS = 20;
/** @type {WeakSet<import("viewer/model/layers.js").Layer>} the stages whose weights are being changed, as long as the page is open */
const OPEN = new WeakSet();

/**
 * @param {Context} context
 * @returns {{ element: HTMLElement, draw: (place: number[], origin: Origin | null) => void } | null} nothing for a stage
 *   whose values are no sums of products with its kernel
 */
export function otherWeights(context) {
  const { model, state, stage } = context;
  const own = model.weightsOf(state.at, stage.name);
  if (!(own.kernel ?? own.depthwise_kernel) || !sources(model) || !isKnown(model)) return null;
  const told = h("p", { class: "notmodel", role: "status" });
  const fields = h("div", { class: "weightfields" });
  const choice = h("p", { class: "choices", hidden: true });
  const back = h("button", { type: "button", class: "plain", onclick: () => restore(model, state) }, "Back to the recorded weights");
  const body = h("div");
  const element = h("details", { class: "whatif", open: OPEN.has(stage) }, h("summary", {}, "What if a weight were another?"), body);
  let ready = false;
  let built = "";
  let channel = -1;
  /** @type {() => void} */
  let last = () => {};
  const select = h("select", { onchange: () => { channel = Number(select.value); last(); } });
  choice.append(h("label", {}, "Input channel ", select));
  const draw = (/** @type {number[]} */ place, /** @type {Origin | null} */ origin) => {
    last = () => draw(place, origin);
    if (!element.open || !ready) return;
    const all = weightsOf(context, place, origin);
    if (!all) {
      told.textContent = "The weights of this value cannot be changed here.";
      return fields.replaceChildren();
    }
    const edited = model.isEdited(state.now.epoch);
    told.replaceChildren(...(edited ? [h("b", {}, "Not the recorded model."), " Everything that follows from your weights is computed here; what was measured in training stays as it was."] : ["These are the recorded weights of this value. Change one and see what follows."]));
    back.disabled = !model.edits.all.length;
    const channels = origin?.window?.channels ?? 1;
    choice.hidden = channels < 2;
    if (channel < 0 || channel >= channels) channel = strongestOf(all, channels);
    const key = `${place[place.length - 1]} ${origin?.window ? "" : `${place} ${state.now.row}`} ${model.nearest(state.now.epoch)} ${channel} ${model.edits.restored}`;
    if (key !== built) {
      built = key;
      if (channels > 1 && select.options.length !== channels) select.replaceChildren(...Array.from({ length: channels }, (_, at) => h("option", { value: at }, String(at))));
      select.value = String(channel);
      fields.replaceChildren(...rowsOf(context, chosen(all, origin, channel), origin));
    }
  };
  element.addEventListener("toggle", () => {
    if (!element.open) return void OPEN.delete(stage);
    OPEN.add(stage);
    body.replaceChildren(told, choice, fields, h("p", {}, back));
    check(model, (checked) => {
      ready = agrees(checked);
      if (checked.against) told.textContent = `Not offered here. ${checked.against}`;
      else if (!ready) told.textContent = "Comparing what this page computes with what was recorded.";
      else last();
    });
  });
  return { element, draw };
}

/**
 * @param {Model} model
 * @param {State} state
 */
export function restore(model, state) {
  model.edits.restore();
  state.changed("row", "epoch");
}

/**
 * Everywhere on the page: that weights were changed, and the way back.
 *
 * @param {Model} model
 * @param {State} state
 * @param {import("viewer/epochs/epochs.js").Epochs} epochs
 * @returns {HTMLElement}
 */
export function changedWeights(model, state, epochs) {
  const text = h("span", {});
  const element = h("div", { class: "changedweights", role: "status", hidden: true }, text, h("button", { type: "button", class: "plain", onclick: () => restore(model, state) }, "Back to the recorded weights"));
  state.watch("epoch", () => {
    const all = model.edits.all;
    element.hidden = !all.length;
    const parts = all.map(({ epoch, weights }) => `${weights} ${weights === 1 ? "weight" : "weights"} changed ${epochs.long(epoch)}`);
    text.replaceChildren(h("b", {}, `${parts.join(", ")}.`), " Not recorded. Right and wrong, training and findings stay as recorded.");
  });
  return element;
}

/**
 * @param {Context} context
 * @param {number[]} place
 * @param {Origin | null} origin
 * @returns {Weight[] | null} those of a value, in the order of its terms, then the bias; null where they are not the kernel's
 */
function weightsOf({ model, state, stage }, place, origin) {
  const own = model.weightsOf(state.at, stage.name);
  const name = own.kernel ? "kernel" : "depthwise_kernel";
  const kernel = own[name];
  const outputs = stage.outputs[0].shape.at(-1) ?? 0;
  const unit = place[place.length - 1];
  if (!origin || origin.how !== "sum" || !kernel || origin.terms.length * outputs !== kernel.data.length) return null;
  // In every kernel whose last axis is that of the outputs, the weights of a value stand so far apart.
  const all = origin.terms.map((term, at) => ({ name, place: at * outputs + unit, text: "", term }));
  if (!all.every(({ place: at, term }) => Object.is(kernel.data[at], term.weight))) return null;
  return own.bias && origin.bias !== null ? [...all, { name: "bias", place: unit, text: "bias", term: null }] : all;
}

/**
 * @param {Weight[]} all
 * @param {number} channels
 * @returns {number} the input channel that adds or subtracts most
 */
function strongestOf(all, channels) {
  const sums = new Array(channels).fill(0);
  all.forEach(({ term }, at) => (sums[at % channels] += term?.product ?? 0));
  return sums.reduce((best, sum, at) => (Math.abs(sum) > Math.abs(sums[best]) ? at : best), 0);
}

/**
 * @param {Weight[]} all
 * @param {Origin | null} origin
 * @param {number} channel of the input, of a window
 * @returns {Weight[]} those that get a field: of a window one channel, else those that add or subtract most
 */
function chosen(all, origin, channel) {
  const bias = all.filter(({ term }) => !term);
  const weights = all.filter(({ term }) => term);
  if (origin?.window) {
    const cells = weights.filter((_, at) => at % (origin.window?.channels ?? 1) === channel);
    return [...cells.slice(0, MOST_CELLS), ...bias];
  }
  if (weights.length <= MOST_LISTED) return all;
  const sorted = [...weights].sort((one, other) => Math.abs(other.term?.product ?? 0) - Math.abs(one.term?.product ?? 0));
  return [...sorted.slice(0, MOST_LISTED), ...bias];
}

/**
 * @param {Context} context
 * @param {Weight[]} listed
 * @param {Origin | null} origin
 * @returns {Node[]}
 */
function rowsOf(context, listed, origin) {
  const { model, state, stage } = context;
  const kernel = listed.filter(({ term }) => term);
  const most = Math.max(...kernel.map(({ term }) => Math.abs(term?.weight ?? 0)).filter(Number.isFinite), 1e-3);
  const step = Number((most / STEPS).toPrecision(1));
  const field = (/** @type {Weight} */ weight, /** @type {string} */ label) => {
    const value = model.weightsOf(state.at, stage.name)[weight.name].data[weight.place];
    const recorded = model.recordedWeights(model.nearest(state.now.epoch)).get(stage.name)?.[weight.name]?.data[weight.place] ?? NaN;
    const input = h("input", { type: "number", step, value: String(Number(value.toPrecision(DIGITS))), "aria-label": label, title: `recorded: ${figure(recorded, 5)}` });
    input.classList.toggle("changed", value !== recorded);
    input.addEventListener("input", () => {
      const next = input.valueAsNumber;
      input.setAttribute("aria-invalid", String(!Number.isFinite(next)));
      if (!Number.isFinite(next)) return;
      model.edits.change(state.now.epoch, stage, weight.name, weight.place, next);
      input.classList.toggle("changed", Math.fround(next) !== recorded);
      state.changed("row", "epoch");
    });
    return input;
  };
  const bias = listed.find(({ term }) => !term);
  const biased = bias ? [h("label", { class: "biasfield" }, "bias ", field(bias, "bias"))] : [];
  const columns = origin?.window?.kernel.at(-1) ?? 0;
  if (columns) {
    const name = (/** @type {number} */ at) => `weight at line ${Math.floor(at / columns)}, column ${at % columns} of the kernel`;
    return [h("div", { class: "kernelfields", role: "group", "aria-label": "The kernel", style: `grid-template-columns: repeat(${columns}, 76px)` }, ...kernel.map((weight, at) => field(weight, name(at)))), ...biased];
  }
  const before = model.byName.get(stage.inputs[0]?.source ?? "");
  const where = (/** @type {Term | null} */ term) => {
    if (!term?.place || !before) return "an input";
    return tracedName(model, state.at, before, term.place).text;
  };
  const rest = (origin?.terms.length ?? 0) - kernel.length;
  return [
    ...(rest > 0 ? [h("p", { class: "muted" }, `The ${counted(kernel.length)} that add or subtract most; the other ${counted(rest)} stay.`)] : []),
    ...kernel.map((weight) => h("label", {}, h("span", {}, where(weight.term)), field(weight, `weight of ${where(weight.term)}`), h("small", { class: "muted" }, `× ${signed(weight.term?.value ?? 0, 3)}`))),
    ...biased,
  ];
}
