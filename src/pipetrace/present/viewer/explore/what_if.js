// What if the window had another size, stride, padding or dilation? Its positions over the real input, and what follows.

import { theme } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { moving, runs } from "viewer/draw/window.js";
import { counted, dimensions } from "viewer/figures.js";
import { AXES, costs, middleOf, nearest, pools, settingsOf, sidesOf, slides, unreached } from "viewer/model/geometry.js";
import { size } from "viewer/model/values.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/geometry.js").Settings} Settings */
/** @typedef {import("viewer/model/geometry.js").Side} Side */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {{ open: boolean, settings: Settings | null }} Chosen what the reader chose; null for the recorded settings */

/** @type {WeakMap<Layer, Chosen>} as long as the page is open */
const CHOSEN = new WeakMap();

/**
 * @param {Context} context
 * @param {Values} output
 * @returns {{ element: HTMLElement, draw: (place: number[]) => void } | null} nothing for a stage without a sliding window
 */
export function whatIf(context, output) {
  const { model, state, stage } = context;
  if (!slides(stage) || output.shape.length < 2 || !model.isComputed(state.at, stage.name)) return null;
  const chosen = CHOSEN.get(stage) ?? { open: false, settings: null };
  CHOSEN.set(stage, chosen);
  const body = h("div");
  const element = h("details", { class: "whatif", open: chosen.open }, h("summary", {}, `What if the ${pools(stage) ? "pooling" : "convolution"} had another window?`), body);
  /** @type {{ draw: (place: number[]) => void } | null} */
  let made = null;
  /** @type {number[]} */
  let last = [];
  const draw = (/** @type {number[]} */ place) => {
    last = place;
    if (!element.open || !place.length) return;
    made ??= experiment(context, body, chosen);
    made?.draw(place);
  };
  element.addEventListener("toggle", () => {
    chosen.open = element.open;
    draw(last);
  });
  return { element, draw };
}

/**
 * @param {Context} context
 * @param {HTMLElement} body filled
 * @param {Chosen} chosen
 * @returns {{ draw: (place: number[]) => void } | null}
 */
function experiment({ model, state, stage }, body, chosen) {
  const given = model.inputs(state.at, stage)?.inputs[0];
  if (!given) return null;
  const lengths = given.shape.slice(0, -1);
  const recorded = settingsOf(stage, lengths.length, model.weightsOf(state.at, stage.name));
  const frame = h("div", { class: "pictures" });
  const words = h("dl", { class: "facts" });
  const told = h("p", { class: "notmodel", role: "status" });
  const choices = selects(stage, recorded, (settings) => {
    chosen.settings = settings;
    draw(last);
  });
  const reset = h("button", { type: "button", class: "plain", onclick: () => { chosen.settings = null; choices.show(recorded); draw(last); } }, "Reset");
  body.replaceChildren(h("p", { class: "choices" }, ...choices.elements, reset), told, frame, words);
  choices.show(chosen.settings ?? recorded);
  /** @type {number[][]} */
  let [last, middle] = [[], []]; // the middle of the window in the input stays where it is when the settings change
  let [built, moved] = ["", ""];
  /** @type {(at: number[], place: number[]) => void} */
  let mark = () => {};
  const draw = (/** @type {number[]} */ place) => {
    last = place;
    const settings = chosen.settings ?? recorded;
    const own = JSON.stringify(settings) === JSON.stringify(recorded);
    const sides = sidesOf(settings, lengths);
    const before = sidesOf(recorded, lengths);
    if (`${place}` !== moved) middle = before.map((side, axis) => middleOf(side, place[axis]));
    moved = `${place}`;
    const at = sides.map((side, axis) => nearest(side, middle[axis]));
    const key = JSON.stringify([settings, state.now.row, model.changes, state.now.epoch, place.slice(-1), theme()]);
    if (key !== built) {
      built = key;
      mark = moving({ model, state, stage }, frame, settings, sides, place, (index) => {
        middle = sides.map((side, axis) => middleOf(side, index[axis]));
        mark(index, last);
      });
      const weights = model.weightsOf(state.at, stage.name);
      words.replaceChildren(...facts(stage, weights, given.shape, settings, sides, before));
      told.replaceChildren(...verdict(stage, settings, recorded, own, place, sides));
      reset.disabled = own;
    }
    mark(at, place);
  };
  return { draw };
}

/**
 * The fields for the settings: one number for all axes, or the recorded ones.
 *
 * @param {Layer} stage
 * @param {Settings} recorded
 * @param {(settings: Settings) => void} change
 * @returns {{ elements: HTMLElement[], show: (settings: Settings) => void }}
 */
function selects(stage, recorded, change) {
  const axes = recorded.kernel.length;
  /** @type {["kernel" | "stride" | "dilation", string, number][]} */
  const numbers = [["kernel", pools(stage) ? "Pool size" : "Kernel size", 7], ["stride", "Stride", 4], ...(pools(stage) ? [] : [/** @type {["dilation", string, number]} */ (["dilation", "Dilation", 3])])];
  /** @type {Map<string, HTMLSelectElement>} */
  const fields = new Map();
  const read = () => {
    const of = (/** @type {"kernel" | "stride" | "dilation"} */ name) => {
      const value = fields.get(name)?.value ?? "";
      return value ? new Array(axes).fill(Number(value)) : recorded[name];
    };
    change({ kernel: of("kernel"), stride: of("stride"), dilation: of("dilation"), padding: fields.get("padding")?.value ?? recorded.padding });
  };
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {[string, string][]} */ options) => {
    const select = h("select", { onchange: read }, ...options.map(([value, text]) => h("option", { value }, text)));
    fields.set(name, select);
    return h("label", {}, label, " ", select);
  };
  const elements = numbers.map(([name, label, most]) => {
    const all = Array.from({ length: most }, (_, at) => String(at + 1)).filter((each) => recorded[name].some((other) => String(other) !== each));
    return field(name, label, /** @type {[string, string][]} */ ([["", `${alike(recorded[name]) ? recorded[name][0] : dimensions(recorded[name])} (recorded)`], ...all.map((each) => [each, each])]).sort(([one, text], [other, beside]) => Number(one || parseInt(text)) - Number(other || parseInt(beside))));
  });
  const paddings = [...new Set(["valid", "same", recorded.padding])];
  elements.push(field("padding", "Padding", paddings.map((each) => [each, each === recorded.padding ? `${each} (recorded)` : each])));
  const show = (/** @type {Settings} */ settings) => {
    for (const [name] of numbers) {
      const select = fields.get(name);
      if (select) select.value = `${settings[name]}` === `${recorded[name]}` ? "" : String(settings[name][0]);
    }
    const padding = fields.get("padding");
    if (padding) padding.value = settings.padding;
  };
  return { elements, show };
}

/**
 * @param {readonly number[]} numbers
 * @returns {boolean} whether all are the same
 */
function alike(numbers) {
  return numbers.every((each) => each === numbers[0]);
}

/**
 * @param {Layer} stage
 * @param {import("viewer/model/layers.js").Weights} weights
 * @param {readonly number[]} shape of the input
 * @param {Settings} settings
 * @param {Side[]} sides
 * @param {Side[]} before those of the recorded settings
 * @returns {HTMLElement[]}
 */
function facts(stage, weights, shape, settings, sides, before) {
  const names = AXES[sides.length];
  const channels = stage.outputs[0].shape[sides.length];
  const same = sides.every((side) => JSON.stringify(side) === JSON.stringify(sides[0]));
  const each = same ? [sides[0]] : sides;
  const called = (/** @type {number} */ axis) => (same ? (sides.length > 1 ? "each axis" : names[0]) : names[axis]);
  /** @type {[string, string][]} */
  const lines = [["Output", `${dimensions(shape)} → ${dimensions([...sides.map(({ count }) => count), channels])}`]];
  each.forEach(({ length, kernel, stride, dilation, extent, count, before: first, after }, axis) => {
    const spread = dilation > 1 ? `The window spans (${kernel} − 1) × ${dilation} + 1 = ${extent} cells. ` : "";
    const valid = settings.padding === "valid";
    const share = (valid ? length - extent : length) / stride;
    const divided = Number.isInteger(share) ? "" : ` = ${Number(share.toFixed(2))}, rounded ${valid ? "down" : "up"}`;
    const fits = valid ? `(input − window) / stride + 1: (${length} − ${extent}) / ${stride}${divided}, + 1 = ${count} positions` : `input / stride: ${length} / ${stride}${divided} = ${count} positions`;
    const zeros = valid ? "" : ` They need (${count} − 1) × ${stride} + ${extent} = ${counted((count - 1) * stride + extent)} cells: ${first + after ? `${first} of padding (hatched) before the input and ${after} after it` : "no padding"}.`;
    lines.push([`Positions, ${called(axis)}`, `${spread}${fits}.${zeros}`]);
  });
  const missed = sides.map(unreached);
  const all = size(sides.map(({ length }) => length));
  const lost = all - size(sides.map(({ length }, axis) => length - missed[axis].length));
  const which = missed.flatMap((cells, axis) => (cells.length ? [`${names[axis]} ${runs(cells).slice(0, 6).map(([from, to]) => (from === to ? from : `${from} to ${to}`)).join(", ")}${runs(cells).length > 6 ? " …" : ""}`] : []));
  lines.push(["In no window", lost ? `${counted(lost)} of ${counted(all)} cells (shaded): ${which.join("; ")}` : "none: every cell is in a window"]);
  if (!pools(stage)) {
    const [made, was] = [sides, before].map((which) => costs(stage, weights, shape[shape.length - 1], which));
    const cells = made.cells === 1 ? [] : sides.map(({ kernel }) => kernel);
    const product = [...cells, made.inputs, made.filters].join(" × ");
    const more = made.further ? ` + ${counted(made.further)}` : "";
    const beside = (/** @type {number} */ one, /** @type {number} */ other) => (one === other ? "" : `; recorded: ${counted(other)}`);
    lines.push(["Parameters", `${product}${more}${made.bias ? ` + ${counted(made.bias)}` : ""} = ${counted(made.parameters)}${beside(made.parameters, was.parameters)}`]);
    const positions = sides.map(({ count }) => count).join(" × ");
    lines.push(["Multiplications", `${positions} positions × ${made.further ? `(${product}${more})` : product} = ${counted(made.multiplications)} a row, those with padding included${beside(made.multiplications, was.multiplications)}`]);
  }
  return lines.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]);
}

/**
 * @param {Layer} stage
 * @param {Settings} settings
 * @param {Settings} recorded
 * @param {boolean} own
 * @param {number[]} place
 * @param {Side[]} sides
 * @returns {(Node | string)[]} what is shown, and that it is not the recorded model
 */
function verdict(stage, settings, recorded, own, place, sides) {
  if (own) return [h("span", {}, "These are the recorded settings. Change one and see what follows.")];
  const filter = place[place.length - 1];
  const text = [];
  if (sides.some(({ count }) => !count)) text.push("No position fits: the window is larger than the input. Keras refuses such a layer.");
  else if (!pools(stage) && `${settings.kernel}` !== `${recorded.kernel}`) text.push("A kernel of another size has no trained weights, so there is no map: only its positions are shown.");
  else text.push(pools(stage) ? `This is what channel ${filter} would become.` : `This is the map that the kernel of filter ${filter} would give.`);
  if (Math.max(...settings.stride) > 1 && Math.max(...settings.dilation) > 1) text.push("Keras does not allow a stride and a dilation above 1 in one layer.");
  return [h("b", {}, "Not the recorded model."), ` ${text.join(" ")}`];
}
