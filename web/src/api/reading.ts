/** How much is read at once, and how often anew. */

/** Items of a list. */
export const PAGE = 50;

/**
 * How often what moves is read anew while it is shown. The stream of events looks once a second and tells what is
 * another than before: what begins and ends in between, or is undone, it does not see.
 */
export const AGAIN_MS = 5_000;
