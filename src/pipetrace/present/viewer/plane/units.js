// What each unit gives over the plane, small: layer by layer, all of a layer on one scale. Choosing one shows it large.

import { paint } from "viewer/colour.js";
import { h, svg } from "viewer/dom.js";
import { legend } from "viewer/draw/picture.js";
import { figure } from "viewer/figures.js";
import { rove, tabStop } from "viewer/explore/rove.js";
import { pathOf } from "viewer/plane/curve.js";
import { colouring, inClasses, nameOf, onScale } from "viewer/plane/shown.js";

/** @typedef {import("viewer/document.js").ResultsView} ResultsView */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/plane/plane.js").Shared} Shared */
/** @typedef {import("viewer/plane/shown.js").Shown} Shown */
/** @typedef {import("viewer/plane/surface.js").Surface} Surface */

const [WIDTH, HEIGHT] = [60, 40];

/**
 * @param {Shared} shared
 * @param {ResultsView | null} results
 * @returns {{ element: HTMLElement, draw: (surface: Surface, shown: Shown) => void }}
 */
export function units(shared, results) {
  const { model, state, stages } = shared;
  const layers = stages.map((stage) => layer(shared, stage, results));
  return {
    element: h("div", { class: "planeunits" }, h("h3", {}, "What each unit gives"), h("p", { class: "muted" }, `Small, over the same ${shared.features.length > 1 ? "plane" : "axis"}. Choose one to see it large.`), ...layers.map(({ element }) => element)),
    draw: (surface, shown) => {
      for (const each of layers) each.draw(surface, shown);
    },
  };
}

/**
 * @param {Shared} shared
 * @param {Layer} stage
 * @param {ResultsView | null} results
 * @returns {{ element: HTMLElement, draw: (surface: Surface, shown: Shown) => void }}
 */
function layer({ model, state, features }, stage, results) {
  const view = results?.outputs[model.outputs.indexOf(stage.name)] ?? null;
  const count = stage.outputs[0].shape[0];
  /** @type {Shown[]} */
  const all = Array.from({ length: count }, (_, unit) => ({ stage, unit, view }));
  const classes = inClasses(view) ? h("button", { type: "button", class: "plain", onclick: () => state.set("surface", model.outputs[0] === stage.name ? "" : stage.name) }, "All classes") : null;
  const buttons = all.map((shown) => {
    const drawing = h("span", { class: "unitplane" });
    const name = nameOf(model, shown);
    const button = h("button", { type: "button", title: name, "aria-label": count > 1 ? name : `output ${name}`, onclick: () => state.set("surface", `${stage.name}.${shown.unit}`) }, drawing, h("small", {}, view?.names.length === count ? view.names[shown.unit ?? 0] : count > 1 ? String(shown.unit) : "output"));
    return { shown, drawing, button };
  });
  const scale = legend();
  const ranged = h("span", {});
  const group = h("div", { class: "tiles", role: "group", "aria-label": `The units of ${stage.name}` }, ...buttons.map(({ button }) => button));
  rove(group);
  return {
    element: h("div", { class: "unitlayer" }, h("div", { class: "cap" }, h("b", {}, stage.name), ranged, features.length > 1 && scale.element, classes), group),
    draw: (surface, chosen) => {
      const colours = colouring(all[0], surface);
      const { most, ramp } = colours.scale;
      scale.draw(colours.scale, colours.ends);
      if (features.length < 2) ranged.textContent = `from ${ramp === "signed" ? figure(-most) : 0} to ${figure(most)}`;
      let pressed = null;
      for (const { shown, drawing, button } of buttons) {
        const isChosen = chosen.stage === stage && chosen.unit === shown.unit;
        if (isChosen) pressed = button;
        button.setAttribute("aria-pressed", String(isChosen));
        if (surface.rows > 1) {
          const canvas = drawing.querySelector("canvas") ?? drawing.appendChild(h("canvas", { "aria-hidden": "true" }));
          paint(canvas, onScale(shown, surface, colours), surface.columns, most, ramp);
        } else {
          const path = pathOf(onScale(shown, surface, colours), [WIDTH, HEIGHT], [ramp === "signed" ? -most : 0, most]);
          drawing.replaceChildren(svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, svg("path", { d: path })));
        }
      }
      classes?.setAttribute("aria-pressed", String(chosen.stage === stage && chosen.unit === null));
      tabStop(group, pressed);
    },
  };
}
