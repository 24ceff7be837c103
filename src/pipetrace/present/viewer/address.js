// The state in the address: #stage=conv2d&at=8.15.14&row=3309&epoch=2. What does not fit the trace is ignored.

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

const PAUSE_MS = 100;
const LATER = ["stage", "at", "row"];

/**
 * Keep the address and the state the same.
 *
 * @param {Model | null} model
 * @param {State} state
 */
export function mirror(model, state) {
  apply(model, state, new URLSearchParams(location.hash.slice(1)));
  let first = true;
  let [timer, last] = [0, -Infinity];
  state.watch(["stage", "place", "row", "epoch", "cell", "run", "head", "rather", "axes", "surface", "theme", "reload", "mode", "step"], () => {
    clearTimeout(timer);
    // The page opens with the address that it was given. While a window slides or epochs are scrubbed it waits for the
    // end: browsers refuse addresses that change at every step.
    const now = performance.now();
    if (!first) timer = window.setTimeout(() => remember(write(model, state)), now - last > PAUSE_MS ? 0 : PAUSE_MS);
    [first, last] = [false, now];
  });
  // The address may have been overwritten since, by the timer of an earlier change; the event still has it.
  window.addEventListener("hashchange", ({ newURL }) => apply(model, state, new URLSearchParams(new URL(newURL).hash.slice(1))));
}

/**
 * @param {string} place put into the address, but not in a sandboxed frame, which has none
 */
export function remember(place) {
  if (location.protocol !== "about:") history.replaceState(null, "", `#${place}`);
}

/**
 * @param {Model | null} model
 * @param {State} state
 * @returns {string}
 */
function write(model, state) {
  const { stage, place, row, epoch, cell, run, head, rather, axes, surface, theme, reload, mode, step } = state.now;
  const parts = mode === "visualize" ? [] : [["mode", mode]];
  if (step) parts.push(["step", String(step + 1)]);
  // While a training runs there is no model yet; the page that follows has one.
  const later = model ? [] : [...new URLSearchParams(location.hash.slice(1))].filter(([key]) => LATER.includes(key));
  parts.push(...later.map(([key, value]) => [key, encodeURIComponent(value)]));
  if (stage) parts.push(["stage", encodeURIComponent(stage)]);
  if (place?.length) parts.push(["at", place.join(".")]);
  if (row !== state.first.row && model?.rows.all.has(row)) parts.push(["row", String(row)]);
  if (epoch !== state.end) parts.push(["epoch", String(epoch)]);
  if (cell) parts.push(["cell", cell]);
  if (run) parts.push(["run", String(run)]);
  if (head) parts.push(["head", String(head)]);
  if (rather) parts.push(["rather", "1"]);
  if (axes) parts.push(["axes", axes]);
  if (surface) parts.push(["surface", encodeURIComponent(surface)]);
  if (theme) parts.push(["theme", theme]);
  if (!reload) parts.push(["reload", "0"]);
  return parts.map(([key, value]) => `${key}=${value}`).join("&");
}

/**
 * Bring the state to what an address asks for. What does not fit the trace is ignored.
 *
 * @param {Model | null} model
 * @param {State} state
 * @param {URLSearchParams} asked
 */
export function apply(model, state, asked) {
  const mode = asked.get("mode") ?? "";
  const step = Number(asked.get("step") ?? 1);
  if (/^[a-z]+$/.test(mode)) state.update({ mode, step: Number.isInteger(step) && step > 0 ? step - 1 : 0 });
  const theme = asked.get("theme") ?? "";
  if (["light", "dark"].includes(theme)) state.set("theme", theme);
  if (asked.has("rather")) state.set("rather", asked.get("rather") === "1");
  const axes = asked.get("axes") ?? "";
  if (/^\d+\.\d+$/.test(axes)) state.set("axes", axes);
  if (asked.has("surface")) state.set("surface", asked.get("surface") ?? "");
  if (asked.get("reload") === "0") state.set("reload", false);
  const run = Number(asked.get("run") ?? 0);
  if (Number.isInteger(run) && run >= 0) state.set("run", run);
  const head = Number(asked.get("head") ?? 0);
  if (Number.isInteger(head) && head >= 0) state.set("head", head);
  const epoch = asked.has("epoch") ? Number(asked.get("epoch")) : NaN;
  if (Number.isInteger(epoch) && epoch >= 0 && epoch <= state.end) state.set("epoch", epoch);
  const cell = asked.get("cell") ?? "";
  if (/^\d+\.(\d+|missed|extra)$/.test(cell)) state.set("cell", cell);
  if (!model) return;
  const row = asked.has("row") ? Number(asked.get("row")) : NaN;
  if (model.rows.all.has(row)) state.set("row", row);
  const stage = model.byName.get(asked.get("stage") ?? "");
  if (!stage) return;
  const place = (asked.get("at") || "none").split(".").map(Number);
  const shape = model.output(state.at, stage.name)?.shape ?? [];
  const fits = place.length === shape.length && place.every((at, axis) => Number.isInteger(at) && at >= 0 && at < shape[axis]);
  state.open(stage.name, fits ? place : null);
  if (fits) state.set("place", place);
}
