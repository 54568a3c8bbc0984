/** How much is read at once, and how often anew. */

/** Items of a list. */
export const PAGE = 50;

/** And when all are wanted: as many as the API gives. */
export const MOST = 500;

/** All items of a list, in one page. */
export async function allPages<Item>(
  read: (cursor: string | null) => Promise<{ items: Item[]; nextCursor: string | null }>,
): Promise<{ items: Item[]; nextCursor: null }> {
  const items: Item[] = [];
  for (let cursor: string | null = null; ; ) {
    const page = await read(cursor);
    items.push(...page.items);
    if (page.nextCursor === null) return { items, nextCursor: null };
    cursor = page.nextCursor;
  }
}

/**
 * How often what moves is read anew while it is shown. The stream of events looks once a second and tells what is
 * another than before: what begins and ends in between, or is undone, it does not see.
 */
export const AGAIN_MS = 5_000;
