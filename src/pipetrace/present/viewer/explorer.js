// Inside the pipeline: the stages as tabs, one open, and in it how every value came to be.

import { scaleOf, legend, Picture } from "viewer/picture.js";
import { paint } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { counted, dimensions, figure } from "viewer/figures.js";
import { measured } from "viewer/flow.js";
import { originOf } from "viewer/origin.js";
import { MOST_LINES, vector } from "viewer/vector.js";
import { carried, placeText, plane, sliceOf } from "viewer/slice.js";
import { placeOf, valueAt } from "viewer/model/values.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").StageView} StageView */
/** @typedef {import("viewer/image.js").Colormaps} Colormaps */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/picture.js").Box} Box */
/** @typedef {import("viewer/state.js").State} State */

const WIDTH = 252;
const SMALL = 128;
const MOST_TILES = 64;
const STEP_MS = 55;
const CALM_STEP_MS = 600;
const PLAY = "▶ Slide the window";

/**
 * @typedef {object} Context what the parts of an opened stage share
 * @property {Document} view
 * @property {Model} model
 * @property {State} state
 * @property {Layer} stage
 * @property {StageView} words
 * @property {Colormaps} colormaps
 */

/**
 * @param {Document} view
 * @param {Model} model
 * @param {State} state
 * @param {Colormaps} colormaps
 * @returns {HTMLElement}
 */
export function explorer(view, model, state, colormaps) {
  const panel = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: -1 });
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "Stages" });
  const words = new Map(view.stages.map((stage) => [stage.name, stage]));
  const buttons = model.stages.map((stage) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const text = words.get(stage.name);
    const button = h(
      "button",
      {
        type: "button",
        role: "tab",
        "aria-controls": "panel",
        onclick: () => state.open(stage.name, placeIn(model, state, stage)),
      },
      canvas,
      h("span", {}, h("b", {}, text?.title ?? stage.name, text?.findings.length ? h("i", { class: "flag", title: "a finding" }, " !") : null), h("small", {}, dimensions(stage.outputs[0]?.shape ?? []))),
    );
    state.watch(["row", "place", "theme"], () => thumbnail(canvas, model, state, stage));
    return button;
  });
  tabs.append(...buttons);
  tabs.addEventListener("keydown", (event) => {
    const at = model.stages.findIndex((stage) => stage.name === state.now.stage);
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    const stage = next === undefined ? undefined : model.stages[next];
    if (!stage) return;
    event.preventDefault();
    state.open(stage.name, placeIn(model, state, stage));
    buttons[next ?? 0]?.focus();
  });
  /** @type {() => void} */
  let redraw = () => {};
  state.watch(["stage"], () => {
    model.stages.forEach((stage, at) => {
      const chosen = stage.name === state.now.stage;
      buttons[at]?.setAttribute("aria-selected", String(chosen));
      buttons[at]?.setAttribute("tabindex", chosen ? "0" : "-1");
      if (chosen && buttons[at]) tabs.scrollLeft = buttons[at].offsetLeft - tabs.offsetLeft - 40;
    });
    const stage = model.byName.get(state.now.stage);
    const text = words.get(state.now.stage);
    if (!stage || !text) return;
    redraw = opened(panel, { view, model, state, stage, words: text, colormaps });
    redraw();
  });
  state.watch(["row", "place", "symbols", "theme"], () => redraw());
  return h("div", { class: "explorer" }, tabs, panel);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 */
function thumbnail(canvas, model, state, stage) {
  const values = model.output(state.now.row, stage.name);
  if (!values) return;
  const place = placeIn(model, state, stage);
  const slice = sliceOf(values.shape, 32);
  const shown = plane(values, slice, place);
  const { most, ramp } = scaleOf(shown, isImage(model, stage));
  paint(canvas, shown, slice.columns, most, ramp);
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {boolean} whether the stage gives the row itself, as it is or scaled
 */
export function isImage(model, stage) {
  for (let at = stage; ; ) {
    if (!at.inputs.length) return true;
    const before = model.byName.get(at.inputs[0].source);
    if (!before || !["Rescaling", "Normalization", ""].includes(at.layer)) return false;
    at = before;
  }
}

/**
 * The place in a stage that the chosen place stands for: the same filter everywhere, the same part of the image.
 *
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @returns {number[]}
 */
export function placeIn(model, state, stage) {
  const shape = stage.outputs[0]?.shape ?? [];
  const chosen = model.byName.get(state.now.stage);
  const from = chosen?.outputs[0]?.shape;
  if (!chosen || !from || from.length !== shape.length) return strongest(model, state, stage);
  const { place } = state.now;
  const here = place?.length === from.length ? [...place] : strongest(model, state, chosen);
  return chosen === stage ? here : carried(here, from, shape);
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @returns {number[]} where the largest value of a stage stands; of an image, in the channel that was chosen last
 */
function strongest(model, state, stage) {
  const values = model.output(state.now.row, stage.name);
  if (!values) return (stage.outputs[0]?.shape ?? []).map(() => 0);
  const channels = values.shape[values.shape.length - 1];
  const only = values.shape.length > 2 && state.now.channel !== null && state.now.channel < channels ? state.now.channel : null;
  let best = only ?? 0;
  for (let at = best; at < values.data.length; at += only === null ? 1 : channels)
    if (values.data[at] > values.data[best] || Number.isNaN(values.data[best])) best = at;
  return placeOf(values.shape, best);
}

/**
 * Build the panel of a stage.
 *
 * @param {HTMLElement} panel
 * @param {Context} context
 * @returns {() => void} draws it again for the row and the place of the state
 */
function opened(panel, context) {
  const { model, state, stage, words } = context;
  const output = model.output(state.now.row, stage.name);
  const head = h(
    "div",
    { class: "stagehead" },
    h("h3", {}, words.title, h("small", {}, words.name)),
    h("span", { class: "figures" }, words.input === words.output ? words.output : `${words.input} → ${words.output}`),
    words.parameters && words.parameters !== "0" && h("span", { class: "muted" }, `${words.parameters} parameters`),
  );
  const what = h("p", { class: "what" }, words.does);
  if (!output) {
    const absent = h("p", { class: "muted" }, "The output of this stage is not in this page.");
    panel.replaceChildren(head, what, absent, measured(words, context.colormaps));
    return () => {};
  }
  const sources = stage.inputs.map(({ source }) => model.byName.get(source)).filter((each) => each !== undefined);
  const next = nextPicture(context, output);
  const pictures = [
    ...sources.map((source) => pictureOf(context, source, "input")),
    pictureOf(context, stage, "output"),
    ...(next ? [pictureOf(context, next, "next")] : []),
  ].filter((each) => each !== null);
  const origin = h("div", { class: "origin" });
  const tiles = channels(context, output);
  const playing = player(context, output);
  panel.replaceChildren(
    head,
    what,
    h("div", { class: "pictures" }, ...pictures.map((each) => each.element)),
    h("div", { class: "calc" }, playing.element, origin),
    ...(tiles ? [tiles.element] : []),
    measured(words, context.colormaps),
  );
  return () => {
    const place = placeIn(model, state, stage);
    const found = model.origin(state.now.row, stage, place);
    for (const picture of pictures) picture.draw(place, found);
    playing.draw(place);
    originOf(origin, context, place, found);
    tiles?.draw(place);
  };
}

/**
 * @param {Context} context
 * @param {Values} output
 * @returns {Layer | null} a stage after this one whose image shows where the value goes
 */
function nextPicture({ model, state, stage }, output) {
  if (output.shape.length < 3) return null;
  const next = model.consumers(stage.name).find((each) => each.outputs[0]?.shape.length === output.shape.length);
  return next && model.output(state.now.row, next.name) ? next : null;
}

/**
 * @typedef {object} Part
 * @property {HTMLElement} element
 * @property {(place: number[], origin: Origin | null) => void} draw
 */

/**
 * The picture of a stage's input, of its output, or of what comes next.
 *
 * @param {Context} context
 * @param {Layer} shown
 * @param {"input" | "output" | "next"} role
 * @returns {Part | null}
 */
function pictureOf(context, shown, role) {
  const { model, state, stage, view } = context;
  const first = model.output(state.now.row, shown.name);
  if (!first) return null;
  if (first.shape.length === 1 && first.shape[0] <= MOST_LINES) return vector(context, shown, role === "output");
  const slice = sliceOf(first.shape);
  const image = isImage(model, shown);
  const colours = image && first.shape.length === 3 && first.shape[2] === 3;
  const title = view.stages.find((each) => each.name === shown.name)?.title ?? shown.name;
  const number = stage.inputs.findIndex(({ source }) => source === shown.name);
  const wide = slice.columns > 3 * slice.rows ? 2 * WIDTH : role === "next" ? SMALL : WIDTH;
  /** @type {(row: number, column: number) => void} */
  const move = (row, column) => {
    const here = placeIn(model, state, stage);
    if (role === "output") state.set("place", slice.move(row, column, here));
    else state.set("place", through(context, shown, slice.move(row, column, shownPlace(here)), here));
  };
  /** @type {Origin | null} */
  let lastOrigin = null;
  const shownPlace = (/** @type {number[]} */ here) => {
    if (role === "output") return here;
    if (role === "next") return carried(here, stage.outputs[0].shape, shown.outputs[0].shape);
    return inputPlace(lastOrigin, number) ?? carried(here, stage.outputs[0].shape, first.shape);
  };
  const picture = new Picture({ ...slice, width: wide, label: title, move });
  const caption = h("span", {});
  const scale = h("div", {});
  const element = h("div", {}, h("div", { class: "cap" }, h("b", {}, title), caption), picture.element, scale);
  return {
    element,
    draw: (place, origin) => {
      lastOrigin = origin;
      const values = model.output(state.now.row, shown.name);
      if (!values) return;
      const at = shownPlace(place);
      const painted = colours ? values.data : plane(values, slice, at);
      const found = colours ? { most: values.data.some((value) => value > 1) ? 255 : 1, ramp: /** @type {const} */ ("ink") } : scaleOf(painted, image);
      picture.paint({ values: painted, ...found, colours });
      scale.replaceChildren(...(colours ? [] : [legend(found.most, found.ramp)]));
      picture.mark(role === "input" ? windowOf(origin, number, slice, at) : boxAt(slice, at, role));
      caption.textContent = where(values, at, colours);
      picture.say(`${placeText(values.shape, at)}: ${figure(valueAt(values, at))}`);
    },
  };
}

/**
 * @param {import("viewer/slice.js").Slice} slice
 * @param {readonly number[]} place
 * @param {string} role
 * @returns {Box[]}
 */
function boxAt(slice, place, role) {
  const [row, column] = slice.at(place);
  return [{ row, column, ...(role === "next" && { kind: "thin" }) }];
}

/**
 * The cells of an input that a value was made from.
 *
 * @param {Origin | null} origin
 * @param {number} number which input
 * @param {import("viewer/slice.js").Slice} slice
 * @param {readonly number[]} shown the place whose other axes the picture has
 * @returns {Box[]}
 */
function windowOf(origin, number, slice, shown) {
  const places = (origin?.terms ?? []).flatMap(({ input = 0, place }) => (place && input === number ? [place] : []));
  if (!places.length) return [];
  const cells = places.map((place) => slice.at(place));
  const [rows, columns] = [cells.map(([row]) => row), cells.map(([, column]) => column)];
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const [tall, wide] = [Math.max(...rows) - top + 1, Math.max(...columns) - left + 1];
  const all = tall === slice.rows && wide === slice.columns;
  if (all && places.length > 1) return boxAt(slice, shown, "");
  return [{ row: top, column: left, rows: tall, columns: wide }];
}

/**
 * @param {Origin | null} origin
 * @param {number} number
 * @returns {number[] | null} the place in an input that adds most to the value
 */
function inputPlace(origin, number) {
  let best = null;
  let most = -1;
  for (const { input = 0, place, product } of origin?.terms ?? [])
    if (place && input === number && Math.abs(product) > most) [best, most] = [place, Math.abs(product)];
  return best && [...best];
}

/**
 * The output place whose window is around a place in an input, or before a place in what comes next.
 *
 * @param {Context} context
 * @param {Layer} other
 * @param {readonly number[]} place in the other stage
 * @param {readonly number[]} here the place that is chosen now
 * @returns {number[]}
 */
function through({ model, stage }, other, place, here) {
  const to = stage.outputs[0].shape;
  const from = other.outputs[0].shape;
  if (from.length !== to.length) return flattened(model, stage, place, from, to) ?? [...here];
  const near = carried(place, from, to);
  near[near.length - 1] = from[from.length - 1] === to[to.length - 1] ? place[place.length - 1] : here[here.length - 1];
  // Without padding a convolution's output is smaller by the window, and its places are counted from the window's corner.
  return near.map((index, axis) => {
    const less = from[axis] - to[axis];
    if (axis === near.length - 1 || less <= 0 || less >= to[axis] / 2) return index;
    return Math.min(to[axis] - 1, Math.max(0, place[axis] - Math.floor(less / 2)));
  });
}

/**
 * @param {Model} _
 * @param {Layer} stage
 * @param {readonly number[]} place
 * @param {readonly number[]} from
 * @param {readonly number[]} to
 * @returns {number[] | null} where a value stands after its tensor was written in another shape
 */
function flattened(_, stage, place, from, to) {
  if (!["Flatten", "Reshape"].includes(stage.layer)) return null;
  return placeOf(to, place.reduce((at, index, axis) => at * from[axis] + index, 0));
}

/**
 * @param {Values} values
 * @param {readonly number[]} place
 * @param {boolean} colours
 * @returns {string}
 */
function where({ shape }, place, colours) {
  if (shape.length < 3 || colours || shape[shape.length - 1] === 1) return dimensions(shape);
  return `${dimensions(shape.slice(0, -1))}, channel ${place[place.length - 1]} of ${counted(shape[shape.length - 1])}`;
}

/**
 * All channels of a stage, small, on one scale; the chosen one stays chosen in every stage.
 *
 * @param {Context} context
 * @param {Values} output
 * @returns {{ element: HTMLElement, draw: (place: number[]) => void } | null}
 */
function channels({ model, state, stage }, output) {
  const count = output.shape[output.shape.length - 1];
  if (output.shape.length < 3 || count < 2 || isImage(model, stage)) return null;
  const slice = sliceOf(output.shape);
  const shown = Math.min(count, MOST_TILES);
  const canvases = Array.from({ length: shown }, () => h("canvas", { "aria-hidden": "true" }));
  const choose = (/** @type {number} */ channel) => {
    const place = placeIn(model, state, stage);
    state.set("place", [...place.slice(0, -1), channel]);
  };
  const buttons = canvases.map((canvas, channel) =>
    h(
      "button",
      { type: "button", "aria-label": `Channel ${channel}`, onclick: () => choose(channel) },
      canvas,
      h("small", {}, String(channel)),
    ),
  );
  const grid = h("div", { class: "tiles", role: "group", "aria-label": "Channels" }, ...buttons);
  rove(grid, buttons);
  const more = shown < count ? ` The first ${shown} of ${counted(count)}.` : "";
  const element = h(
    "div",
    {},
    h("h4", { class: "above" }, `${counted(count)} channels`, h("small", {}, `Choose one: it stays chosen in every stage. One scale for all.${more}`)),
    grid,
  );
  /** @type {unknown} */
  let painted = null;
  return {
    element,
    draw: (place) => {
      const values = model.output(state.now.row, stage.name);
      if (!values) return;
      const key = `${state.now.row} ${document.documentElement.dataset.theme} ${place.slice(0, -3)}`;
      if (painted !== key) {
        painted = key;
        const { most, ramp } = scaleOf(values.data);
        canvases.forEach((canvas, channel) => {
          paint(canvas, plane(values, slice, [...place.slice(0, -1), channel]), slice.columns, most, ramp);
        });
      }
      const chosen = place[place.length - 1];
      buttons.forEach((button, channel) => {
        button.setAttribute("aria-pressed", String(channel === chosen));
        button.tabIndex = channel === Math.min(chosen, shown - 1) ? 0 : -1;
      });
    },
  };
}

/**
 * Let the arrow keys go to the nearest button of a group, which is one tab stop.
 *
 * @param {HTMLElement} group
 * @param {HTMLElement[]} buttons
 */
function rove(group, buttons) {
  group.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    const from = buttons.find((button) => button === document.activeElement);
    if (!way || !from) return;
    event.preventDefault();
    const start = from.getBoundingClientRect();
    let [best, least] = [/** @type {HTMLElement | null} */ (null), Infinity];
    for (const button of buttons) {
      const box = button.getBoundingClientRect();
      const [x, y] = [box.x - start.x, box.y - start.y];
      const along = x * way[0] + y * way[1];
      const aside = Math.abs(x * way[1]) + Math.abs(y * way[0]);
      if (along > 2 && along + 4 * aside < least) [best, least] = [button, along + 4 * aside];
    }
    best?.focus();
    best?.click();
  });
}

/**
 * The heading of the computation, and the button that slides the window over the whole map.
 *
 * @param {Context} context
 * @param {Values} output
 * @returns {{ element: HTMLElement, draw: (place: number[]) => void }}
 */
function player({ model, state, stage }, output) {
  const at = h("small", {});
  const button = h("button", { type: "button", class: "plain", "aria-pressed": "false" }, PLAY);
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = PLAY;
    button.setAttribute("aria-pressed", "false");
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    button.textContent = "❚❚ Stop";
    button.setAttribute("aria-pressed", "true");
    const slice = sliceOf(output.shape);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let cell = 0;
    const step = () => {
      if (!button.isConnected || cell >= slice.rows * slice.columns) return stop();
      const here = placeIn(model, state, stage);
      state.set("place", slice.move(Math.floor(cell / slice.columns), cell % slice.columns, here));
      cell += 1;
    };
    timer = window.setInterval(step, calm ? CALM_STEP_MS : STEP_MS);
  });
  const turn = () => state.set("symbols", !state.now.symbols);
  const symbols = h("button", { type: "button", class: "plain", onclick: turn }, "Symbols");
  const slides = output.shape.length > 1 && stage.inputs.length > 0;
  return {
    element: h("h3", { class: "calchead" }, "How this value came to be", at, slides && button, symbols),
    draw: (place) => {
      symbols.setAttribute("aria-pressed", String(state.now.symbols));
      at.textContent = placeText(output.shape, place);
    },
  };
}
