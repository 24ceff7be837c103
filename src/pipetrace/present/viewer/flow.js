// The data flow: the stages on a thread, each with its text and with its output for the example row.

import { bars, columns, histogram } from "viewer/chart.js";
import { counted, h } from "viewer/dom.js";
import { marks } from "viewer/findings.js";
import { graph } from "viewer/graph.js";
import { image } from "viewer/image.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").Change} Change */
/** @typedef {import("viewer/document.js").GroupView} GroupView */
/** @typedef {import("viewer/document.js").ImageView} ImageView */
/** @typedef {import("viewer/document.js").StageView} StageView */

/**
 * @param {Document} view
 * @param {HTMLElement | null} explorer shows one stage at a time; all of them are then a list of texts, drawn when it is opened
 * @returns {HTMLElement}
 */
export function flow(view, explorer) {
  const count = counted(view.stages.length, "stage");
  const list = () => h("ol", { class: "thread" }, ...entries(view, !explorer, 0, view.stages.length, view.groups));
  return h(
    "section",
    { "aria-labelledby": "flow" },
    h("h2", { id: "flow" }, "Data flow", h("small", {}, count)),
    h("p", { class: "muted" }, view.counting),
    !explorer && !view.stages.some((stage) => stage.image ?? stage.example ?? stage.bars.length) && h("p", { class: "notice" }, "The values of the rows are not recorded."),
    graph(view.graph),
    explorer,
    explorer ? collapsed(`All ${count} as text`, list) : list(),
  );
}

/**
 * @param {string} title
 * @param {() => HTMLElement} make what is drawn when it is first expanded
 * @param {string} [kind] its class
 * @returns {HTMLElement}
 */
function collapsed(title, make, kind = "all") {
  const body = h("div");
  const fill = () => {
    if (!body.childElementCount) body.append(make());
  };
  return h("details", { class: kind, ontoggle: fill }, h("summary", {}, title), body);
}

/**
 * The entries from one position to another; the stages of a group are inside its entry.
 *
 * @param {Document} view
 * @param {boolean} images whether they are shown too
 * @param {number} first
 * @param {number} end the position after the last one
 * @param {GroupView[]} groups the groups among them, outer ones first
 * @returns {HTMLElement[]}
 */
function entries(view, images, first, end, groups) {
  const found = [];
  for (let at = first; at < end; ) {
    const group = groups.find((each) => each.first === at);
    const stage = view.stages[at];
    if (group) {
      const within = groups.filter((each) => each !== group && each.first >= group.first && each.last <= group.last);
      found.push(section(view, group, entries(view, images, group.first, group.last + 1, within)));
      at = group.last + 1;
    } else {
      if (stage) found.push(item(stage, images));
      at += 1;
    }
  }
  return found;
}

/**
 * A group: its own shapes and parameters, and its stages, which can be collapsed.
 *
 * @param {Document} view
 * @param {GroupView} group
 * @param {HTMLElement[]} inside
 * @returns {HTMLElement}
 */
function section(view, group, inside) {
  const numbers = [group.first, group.last].map((at) => view.stages[at]?.number).join("–");
  return h(
    "li",
    { class: "group" },
    h("span", { class: "knot square", "aria-hidden": "true" }),
    h(
      "details",
      { class: "stages", id: group.id, open: group.expanded },
      h(
        "summary",
        {},
        h("h3", {}, group.title, h("small", {}, `stages ${numbers}`)),
        h("span", { class: "shape" }, group.input, " → ", h("strong", {}, group.output)),
        h("span", { class: "summary" }, `${group.text} Parameters: ${group.parameters}.`),
      ),
      h("ol", { class: "thread" }, ...inside),
    ),
    ...marks(group.findings),
  );
}

/**
 * @param {StageView} stage
 * @param {boolean} images
 * @returns {HTMLElement}
 */
function item(stage, images) {
  return h(
    "li",
    { id: stage.id, tabindex: -1 },
    h("span", { class: `knot${stage.number > 99 ? " long" : ""}`, "aria-hidden": "true" }, String(stage.number)),
    h(
      "div",
      { class: "stage" },
      h(
        "div",
        { class: "words" },
        h("h3", {}, stage.title, h("small", {}, stage.name)),
        shape(stage),
        h("p", {}, stage.does, stage.shape ? ` ${stage.shape}` : ""),
        ...said(stage),
      ),
      images &&
        h(
          "div",
          { class: "seen" },
          !stage.change?.training && stage.image && image(stage.image),
          stage.bars.length > 0 && bars(stage.bars, stage.bars_label),
          ...others(stage),
          stage.omitted && h("p", { class: "muted" }, stage.omitted),
        ),
      images && change(stage.change),
      images && more(stage),
    ),
  );
}

/**
 * What is known of a stage beside its values: its findings, its figures, the distribution of all rows, its kernels.
 *
 * @param {StageView} stage
 * @param {boolean} shown whether the values of the followed row are shown elsewhere
 * @returns {HTMLElement}
 */
export function measured(stage, shown) {
  return h(
    "div",
    { class: "more" },
    stage.shape && h("p", { class: "wiring" }, stage.shape),
    ...said({ ...stage, example: null }), // which is another row than the one that is followed
    !shown && stage.image && image(stage.image),
    !shown && stage.bars.length > 0 && bars(stage.bars, stage.bars_label),
    ...others(stage),
    change(stage.change),
    more(stage),
  );
}

/**
 * @param {StageView} stage
 * @returns {(HTMLElement | false | null)[]} its findings, its inputs, its figures and what was measured on all rows
 */
function said(stage) {
  return [
    ...marks(stage.findings),
    stage.wiring.length > 0 && h("p", { class: "wiring" }, stage.wiring.join(" ")),
    facts(stage),
    stage.measured.length > 0 && h("p", { class: "measured" }, h("b", {}, `On ${stage.measured_on}:`), " ", stage.measured.join(" ")),
  ];
}

/**
 * @param {StageView} stage
 * @returns {HTMLElement[]}
 */
function others(stage) {
  return stage.others.map((each) => captioned(each.label, each));
}

/**
 * How the output of a stage differs in training: a sentence, and both images side by side.
 *
 * @param {Change | null} view
 * @returns {HTMLElement | null}
 */
function change(view) {
  if (!view) return null;
  return h(
    "div",
    { class: "change" },
    h("p", {}, view.text),
    view.prediction &&
      view.training &&
      h("div", { class: "both" }, captioned("In a prediction", view.prediction), captioned("In training", view.training)),
  );
}

/**
 * @param {string} caption
 * @param {ImageView} view
 * @returns {HTMLElement}
 */
function captioned(caption, view) {
  return h("div", { class: "captioned" }, h("p", { class: "caption" }, caption), image(view));
}

/**
 * @param {StageView} stage
 * @returns {HTMLElement}
 */
function shape(stage) {
  if (stage.input === stage.output) return h("p", { class: "shape" }, stage.output);
  return h("p", { class: "shape" }, h("span", {}, stage.input), " → ", h("strong", {}, stage.output));
}

/**
 * @param {StageView} stage
 * @returns {HTMLElement | null}
 */
function facts(stage) {
  /** @type {[string, string][]} */
  const rows = [];
  if (stage.example) rows.push(["Example", stage.example]);
  if (stage.written) rows.push(["Strings", stage.written]);
  if (stage.mask) rows.push(["Mask", stage.mask]);
  if (stage.parameters) rows.push(["Parameters", stage.parts ? `${stage.parameters}: ${stage.parts}` : stage.parameters]);
  if (stage.arithmetic) rows.push(["FLOPs", stage.arithmetic]);
  if (stage.time) rows.push(["Time", stage.time]);
  if (!rows.length) return null;
  return h("dl", { class: "facts" }, ...rows.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}

/**
 * More measurements, collapsed: the distribution of all rows, the activity of the filters, and the kernels.
 *
 * @param {StageView} stage
 * @returns {HTMLElement | null}
 */
function more({ distribution, channels, weights }) {
  if (!distribution && !weights && !channels.length) return null;
  const names = [distribution && "distribution", channels.length && "filter activity", weights && "kernels"].filter(Boolean);
  const made = () =>
    h(
      "div",
      { class: "measurements" },
      distribution && histogram(distribution),
      channels.length > 0 && columns(channels, "Share of each filter's outputs above 0, filter 0 on the left. Red: always 0."),
      weights && h("div", { class: "kernels" }, h("h4", {}, weights.label), image(weights)),
    );
  return collapsed(`More of this stage: ${names.join(", ")}`, made, "more");
}
