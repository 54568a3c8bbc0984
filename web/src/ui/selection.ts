/** Choosing rows of a list: one by one, a range with shift, all that are loaded. */

export interface Selection {
  chosen: ReadonlySet<number>;
  /** Where a range begins: the row that was last changed. */
  anchor: number | null;
}

export const NOTHING: Selection = { chosen: new Set(), anchor: null };

/** Turn a row on or off; with `range`, all from the anchor to it as well. `ids` are the rows in their order. */
export function choose(
  selection: Selection,
  ids: readonly number[],
  id: number,
  on: boolean,
  range: boolean,
): Selection {
  const chosen = new Set(selection.chosen);
  const to = ids.indexOf(id);
  const from = range && selection.anchor !== null ? ids.indexOf(selection.anchor) : to;
  const rows = from === -1 ? [id] : ids.slice(Math.min(from, to), Math.max(from, to) + 1);
  for (const row of rows) {
    if (on) chosen.add(row);
    else chosen.delete(row);
  }
  return { chosen, anchor: id };
}

export function chooseAll(ids: readonly number[], on: boolean): Selection {
  return on ? { chosen: new Set(ids), anchor: null } : NOTHING;
}
