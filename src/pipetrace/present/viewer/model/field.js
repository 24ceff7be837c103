// The receptive field: the part of the row that a value depends on.

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {{ low: number[], high: number[] }} Box the first and the last index along each axis */

/**
 * @param {Model} model
 * @param {import("viewer/model/model.js").At} at
 * @param {Layer} stage
 * @param {readonly number[]} place
 * @param {(stage: Layer) => boolean} ends whether a stage gives the row itself
 * @returns {{ stage: Layer, box: Box } | null} the first such stage that the value depends on, and its places; null
 *   where a layer between does not tell what its values are made of
 */
export function receptiveField(model, at, stage, place, ends) {
  /** @type {Map<string, Box>} */
  const boxes = new Map([[stage.name, { low: [...place], high: [...place] }]]);
  // A stage receives only from stages before it, so all that leads to a stage is known when its turn comes.
  for (let number = model.stages.indexOf(stage); number >= 0; number--) {
    const here = model.stages[number];
    const box = boxes.get(here.name);
    if (!box) continue;
    if (ends(here)) return { stage: here, box };
    for (const corner of [box.low, box.high]) {
      const origin = model.origin(at, here, corner);
      if (!origin) return null;
      for (const { input = 0, place: from } of origin.terms) {
        if (!from || !here.inputs[input]) continue;
        const { source } = here.inputs[input];
        const known = boxes.get(source);
        if (!known) boxes.set(source, { low: [...from], high: [...from] });
        else
          from.forEach((index, axis) => {
            known.low[axis] = Math.min(known.low[axis], index);
            known.high[axis] = Math.max(known.high[axis], index);
          });
      }
    }
  }
  return null;
}
