// What the chosen filter looks for: what its kernel resembles, and the parts of the rows that excite it most.

import { brightness, paint, paintColours, theme } from "viewer/colour.js";
import { h, whenIdle } from "viewer/dom.js";
import { isImage } from "viewer/explore/place.js";
import { scaleOf } from "viewer/draw/picture.js";
import { placeText } from "viewer/draw/slice.js";
import { strongest } from "viewer/explore/strongest.js";
import { counted, figure } from "viewer/figures.js";
import { receptiveField } from "viewer/model/field.js";
import { placeOf, size, valueAt } from "viewer/model/values.js";
import { explained } from "viewer/words.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/explore/strongest.js").Channel} Channel */
/** @typedef {import("viewer/explore/strongest.js").Found} Found */
/** @typedef {import("viewer/draw/picture.js").Scale} Scale */
/** @typedef {Values & { range: [number, number] }} Crop a part of an image, and what is black and white in all of it */
/** @typedef {Found & { crop: Crop | null }} Patch */
/** @typedef {import("viewer/model/field.js").Box} Box */
/** @typedef {import("viewer/model/values.js").Values} Values */

const MOST_SHOWN = 8;
const PAUSE_MS = 400;
/** So long an epoch is shown before its patches are searched. */
const SETTLED_MS = 150;
/** Two patches look the same where no pixel differs by more than this share of the scale. */
const ALIKE = 0.15;

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
  let [channel, told, shownAs, edits] = [-1, -1, "", model.edits.count];
  /** @typedef {{ all: Channel[], looked: number }} Search */
  /** @type {Map<number, Search>} those that were completed, by epoch */
  const completed = new Map();
  /** @type {Search} */
  let found = { all: [], looked: 0 };
  let drawn = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Map<string, Crop | null>} by epoch, row and place */
  const crops = new Map();
  const show = (ms = 0) => {
    drawn = performance.now();
    const until = drawn + ms;
    let late = false;
    /** @type {(each: Found) => Crop | null} */
    const crop = (each) => {
      const key = `${told} ${each.row} ${each.place}`;
      if (!crops.has(key)) {
        // Of a large model they are made when nothing else is to be done.
        late ||= model.sections.length > 0 && performance.now() >= until;
        if (late) return null;
        crops.set(key, model.within(() => cropOf(context, told, each), Infinity));
      }
      return crops.get(key) ?? null;
    };
    const focused = [...list.children].indexOf(document.activeElement ?? list);
    const { shown, scale, alike } = chosen(crop, found.all[channel] ?? { largest: [], others: [] });
    if (late) return whenIdle(show);
    list.replaceChildren(...shown.map((each) => patch(context, each, scale)));
    /** @type {HTMLElement | undefined} */ (list.children[focused])?.focus({ preventScroll: true });
    const { looked } = found;
    const of = model.rows.all.size;
    const rows = `${looked < of ? `${counted(looked)} so far of ` : ""}${of === 1 ? "the row" : `the ${counted(of)} rows`} of this page, ${when.textContent}`;
    const about = alike
      ? `The strongest outputs come from patches that look alike${shown.length > 1 ? ": the first stands for them, different and weaker ones follow" : ""}.`
      : `The strongest patch of ${of === 1 ? "the row" : "each row"}, the strongest first.`;
    note.textContent = `${shown.length ? about : "No output is above 0."} Searched in ${rows}.`;
    note.hidden = !looked;
    if (looked === of) list.style.minHeight = "";
  };
  const search = () => {
    const epoch = told;
    found = completed.get(epoch) ?? found;
    if (found.looked) {
      element.removeAttribute("aria-busy");
      return show();
    }
    drawn = -Infinity;
    strongest(model, stage.name, epoch, (all, looked, done) => {
      if (told !== epoch) return false;
      found = { all, looked };
      if (done) {
        completed.set(epoch, found);
        element.removeAttribute("aria-busy");
      }
      if (done || performance.now() > drawn + PAUSE_MS) show();
      return element.isConnected; // until another stage takes its place
    });
  };
  return {
    element,
    draw: (place) => {
      const next = place[place.length - 1];
      const epoch = model.nearest(state.now.epoch);
      const key = `${next} ${epoch} ${theme()} ${model.edits.count}`;
      if (key === shownAs) return;
      if (edits !== model.edits.count) {
        edits = model.edits.count;
        completed.clear();
        crops.clear();
        told = -1;
      }
      shownAs = key;
      const texts = model.earlier.get(epoch)?.filters[stage.name] ?? stage.filters;
      title.textContent = `What filter ${next} looks for`;
      when.textContent = epoch === model.end ? "after training" : epoch ? `after epoch ${epoch}` : "before training";
      title.append(when);
      text.replaceChildren(...explained(texts[Math.min(next, texts.length - 1)]), model.isEdited(epoch) ? " Measured with the recorded weights." : "");
      channel = next;
      if (epoch === told) return show();
      const wait = told < 0 ? 0 : SETTLED_MS;
      told = epoch;
      if (list.childElementCount) {
        list.style.minHeight = `${list.offsetHeight}px`; // nothing below it moves while the first ones are looked for
        list.replaceChildren();
        note.textContent = "\u00a0";
      }
      found = { all: [], looked: 0 };
      element.setAttribute("aria-busy", "true");
      clearTimeout(timer);
      timer = setTimeout(search, wait); // epochs that are only passed have no patches
    },
  };
}

/**
 * The places to show of a channel: the strongest, or where these are alike, one of them and weaker ones.
 *
 * @param {(each: Found) => Crop | null} crop
 * @param {Channel} channel
 * @returns {{ shown: Patch[], scale: Scale, alike: boolean }}
 */
function chosen(crop, { largest, others }) {
  const strong = largest.map((each) => ({ ...each, crop: crop(each) }));
  const scale = scaleOf(strong.flatMap(({ crop }) => [...(crop?.data ?? [])]), true);
  const distinct = strong.filter(({ crop }, at) => !crop || !strong.slice(0, at).some((before) => before.crop && alike(before.crop, crop, scale)));
  if (!strong[0]?.crop || 2 * distinct.length > strong.length) return { shown: strong, scale, alike: false };
  const down = [...others].sort((one, other) => other.value - one.value);
  /** @type {Patch[]} */
  const shown = [strong[0]];
  for (const each of down) {
    // The responses go down in even steps, and no two patches look the same.
    if (shown.length === MOST_SHOWN || each.value > strong[0].value * (1 - shown.length / MOST_SHOWN)) continue;
    const made = crop(each);
    if (made && !shown.some((before) => before.crop && alike(before.crop, made, scale))) shown.push({ ...each, crop: made });
  }
  return { shown, scale, alike: true };
}

/**
 * @param {Values} one
 * @param {Values} other
 * @param {Scale} scale
 * @returns {boolean} whether two patches look the same
 */
function alike(one, other, { most }) {
  return one.data.length === other.data.length && one.data.every((value, at) => Math.abs(value - other.data[at]) <= ALIKE * most);
}

/**
 * @param {Context} context
 * @param {number} epoch
 * @param {Found} found
 * @returns {Crop | null} the part of the row that a value depends on
 */
function cropOf({ model, stage }, epoch, { row, place }) {
  const at = { row, epoch };
  const field = receptiveField(model, at, stage, place, (each) => isImage(model, each));
  const values = field && model.output(at, field.stage.name);
  return values && values.shape.length === 3 ? cropped(values, field.box) : null;
}

/**
 * @param {Context} context
 * @param {Patch} patch
 * @param {Scale} scale of all
 * @returns {HTMLElement} leads to its place
 */
function patch({ model, state, stage }, { row, place, value, crop }, scale) {
  const where = placeText(stage.outputs[0].shape, place).replace(/, channel.*/, "");
  const go = () => state.update({ row, place });
  return h("button", { type: "button", onclick: go }, picture(crop, scale), h("b", {}, figure(value)), h("small", {}, `${model.row(row).text}, ${where}`));
}

/**
 * @param {Crop | null} crop
 * @param {Scale} scale
 * @returns {HTMLElement | null} in colour where it has three channels, else the first of them
 */
function picture(crop, { most, ramp }) {
  if (!crop) return null;
  const [rows, columns, channels] = crop.shape;
  const canvas = h("canvas", { "aria-hidden": "true", style: `aspect-ratio: ${columns} / ${rows}` });
  if (channels === 3) paintColours(canvas, crop.data, columns, crop.range);
  else paint(canvas, crop.data.filter((_, at) => at % channels === 0), columns, most, ramp);
  return canvas;
}

/**
 * @param {Values} values
 * @param {Box} box
 * @returns {Crop} the part of an image inside a box, with all its channels
 */
function cropped(values, { low, high }) {
  const shape = low.map((from, axis) => (axis < 2 ? high[axis] - from + 1 : values.shape[axis]));
  /** @type {Crop} */
  const part = { shape, data: new Float32Array(size(shape)), range: brightness(values.data) };
  for (let at = 0; at < part.data.length; at++) {
    const [row, column, channel] = placeOf(shape, at);
    part.data[at] = valueAt(values, [low[0] + row, low[1] + column, channel]);
  }
  return part;
}
