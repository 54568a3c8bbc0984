/**
 * A component whose code is loaded when it is first shown, in a Part: `lazyPart(() => import("./Chart"), "Chart")`. When
 * an upgrade has taken the file away, the page is loaded anew, once, as the router does for whole pages.
 */
export { lazyRouteComponent as lazyPart } from "@tanstack/react-router";

/** How browsers say that a file of the page could not be fetched; with Vite's words for a style. */
const NOT_LOADED = /preload CSS|dynamically imported module|importing a module script failed/i;

export const isNotLoaded = (error: unknown): boolean =>
  error instanceof Error && NOT_LOADED.test(error.message);
