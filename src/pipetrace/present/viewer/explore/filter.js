// What the chosen filter looks for: what its kernel resembles, and the parts of the rows that excite it most.

import { paint, paintColours } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { isImage } from "viewer/explore/place.js";
import { scaleOf } from "viewer/explore/picture.js";
import { placeText } from "viewer/explore/slice.js";
import { strongest } from "viewer/explore/strongest.js";
import { counted, figure } from "viewer/figures.js";
import { receptiveField } from "viewer/model/field.js";
import { placeOf, size, valueAt } from "viewer/model/values.js";
import { explained } from "viewer/words.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/explore/strongest.js").Found} Found */
/** @typedef {import("viewer/model/field.js").Box} Box */
/** @typedef {import("viewer/model/values.js").Values} Values */

/**
 * @param {Context} context
 * @param {Values} output
 * @returns {{ element: HTMLElement, draw: (place: number[]) => void } | null} nothing for a stage without filters
 */
export function filter(context, output) {
  const { model, state, stage } = context;
  if (!stage.filters.length || output.shape.length !== 3) return null;
  const title = h("h4", { class: "above" });
  const text = h("p");
  const list = h("div", { class: "patches" });
  const note = h("p", { class: "muted" });
  const element = h("div", { class: "looksfor" }, title, text, list, note);
  const when = h("small");
  let [channel, told] = [-1, -1];
  /** @type {Found[][]} */
  let found = [];
  let looked = 0;
  let shown = false;
  const show = () => {
    const focused = [...list.children].indexOf(document.activeElement ?? list);
    list.replaceChildren(...patches(context, (found[channel] ?? []).filter(({ value }) => value > 0)));
    /** @type {HTMLElement | undefined} */ (list.children[focused])?.focus({ preventScroll: true });
    const [one, many] = list.childElementCount ? ["After training: the strongest place in", "After training: the strongest place in each of"] : ["After training: no output above 0 in", "After training: no output above 0 in any of"];
    note.textContent = looked === 1 ? `${one} the row of this page.` : `${many} the ${counted(looked)} rows of this page${list.childElementCount ? ", the strongest first" : ""}.`;
  };
  return {
    element,
    draw: (place) => {
      const next = place[place.length - 1];
      const epoch = model.nearest(state.now.epoch);
      if (next === channel && epoch === told) return;
      told = epoch;
      const texts = model.earlier.get(epoch)?.filters[stage.name] ?? stage.filters;
      title.textContent = `What filter ${next} looks for`;
      when.textContent = epoch === model.end ? "after training" : epoch ? `after epoch ${epoch}` : "before training";
      title.append(when);
      text.replaceChildren(...explained(texts[Math.min(next, texts.length - 1)]));
      if (next === channel) return;
      if (channel < 0)
        strongest(model, stage.name, (all, rows) => {
          [found, looked] = [all, rows];
          if (channel >= 0) show();
          shown ||= element.isConnected;
          return !shown || element.isConnected; // until another stage takes its place
        });
      channel = next;
      show();
    },
  };
}

/**
 * What the places of a filter depend on, as pictures on one scale; each leads to its place.
 *
 * @param {Context} context
 * @param {readonly Found[]} found
 * @returns {HTMLElement[]}
 */
function patches({ model, state, stage }, found) {
  const crops = found.map(({ row, place }) => {
    const at = { row, epoch: model.end };
    const field = receptiveField(model, at, stage, place, (each) => isImage(model, each));
    const values = field && model.output(at, field.stage.name);
    return values && values.shape.length === 3 ? cropped(values, field.box) : null;
  });
  const scale = scaleOf(crops.flatMap((crop) => [...(crop?.data ?? [])]), true);
  return found.map(({ row, place, value }, at) => {
    const go = () => {
      state.set("row", row);
      state.set("place", place);
    };
    const where = placeText(stage.outputs[0].shape, place).replace(/, channel.*/, "");
    return h("button", { type: "button", onclick: go }, picture(crops[at], scale), h("b", {}, figure(value)), h("small", {}, `${model.row(row).text}, ${where}`));
  });
}

/**
 * @param {Values | null} crop
 * @param {ReturnType<typeof scaleOf>} scale
 * @returns {HTMLElement | null} in colour where it has three channels, else the first of them
 */
function picture(crop, { most, ramp }) {
  if (!crop) return null;
  const [rows, columns, channels] = crop.shape;
  const canvas = h("canvas", { "aria-hidden": "true", style: `aspect-ratio: ${columns} / ${rows}` });
  if (channels === 3) paintColours(canvas, crop.data, columns, 0, most > 1 ? 255 : 1);
  else paint(canvas, crop.data.filter((_, at) => at % channels === 0), columns, most, ramp);
  return canvas;
}

/**
 * @param {Values} values
 * @param {Box} box
 * @returns {Values} the part of an image inside a box, with all its channels
 */
function cropped(values, { low, high }) {
  const shape = low.map((from, axis) => (axis < 2 ? high[axis] - from + 1 : values.shape[axis]));
  const part = { shape, data: new Float32Array(size(shape)) };
  for (let at = 0; at < part.data.length; at++) {
    const [row, column, channel] = placeOf(shape, at);
    part.data[at] = valueAt(values, [low[0] + row, low[1] + column, channel]);
  }
  return part;
}
