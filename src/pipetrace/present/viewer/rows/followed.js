// The row that is followed, above the list of those that can be chosen: what it is, and where it can be seen.

import { h } from "viewer/dom.js";
import { tellsClasses } from "viewer/explore/rather.js";
import { percent } from "viewer/figures.js";
import { largest } from "viewer/rows/outcomes.js";
import { paintRow } from "viewer/rows/thumbnail.js";

/**
 * @param {import("viewer/rows/results.js").Shared} shared
 * @returns {HTMLElement}
 */
export function followed({ model, state, show }) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const [which, said] = [h("b", {}), h("span", {})];
  const end = model.stages.find((stage) => tellsClasses(model, stage));
  /** The class that was predicted where another is true, and that one. */
  const classes = () => {
    const { label } = model.row(state.now.row);
    const values = end ? model.output(state.at, end.name) : null;
    return end && values && label !== null && values.data.every(Number.isFinite) ? { end, values, label, best: largest(values.data), name: (/** @type {number} */ at) => model.unitNames(end.name)[at] ?? `class ${at}` } : null;
  };
  const why = h("button", {
    type: "button",
    class: "plain",
    onclick: () => {
      const found = classes();
      if (found) state.update({ stage: found.end.name, place: [found.best], rather: true });
      show();
    },
  });
  state.watch(["row", "epoch", "theme"], () => {
    const { text } = model.row(state.now.row);
    const found = classes();
    canvas.hidden = !paintRow(canvas, model, state.now.row);
    which.textContent = `Followed: ${text}`;
    said.textContent = found ? `predicted ${found.name(found.best)}, ${percent(found.values.data[found.best])}` : "";
    why.hidden = !found || found.best === found.label;
    why.textContent = found ? `Why ${found.name(found.best)} rather than ${found.name(found.label)}` : "";
  });
  return h(
    "div",
    { class: "nowfollowed" },
    canvas,
    h("p", { role: "status" }, which, said),
    h("button", { type: "button", class: "plain", onclick: show }, "See it in the pipeline"),
    why,
    h("a", { class: "plain", href: "#prediction-title" }, "See its prediction"),
  );
}
