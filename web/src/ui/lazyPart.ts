import { lazyRouteComponent } from "@tanstack/react-router";

/** What loads anew the file of a part, by how it failed. */
const again = new WeakMap<object, () => unknown>();

/**
 * A component whose code is loaded when it is first shown, in a Part: `lazyPart(() => import("./Chart"), "Chart")`. When
 * an upgrade has taken the file away, the page is loaded anew, once, as the router does for whole pages.
 */
export const lazyPart: typeof lazyRouteComponent = (load, name) => {
  const part = lazyRouteComponent(
    () =>
      load().catch((error) => {
        if (error instanceof Error) again.set(error, () => part.preload?.());
        throw error;
      }),
    name,
  );
  return part;
};

/** The part that failed so is loaded when it is shown again. */
export function loadAgain(error: unknown): void {
  if (error instanceof Error) again.get(error)?.();
}

/** How browsers say that a file of the page could not be fetched; with Vite's words for a style. */
const NOT_LOADED = /preload CSS|dynamically imported module|importing a module script failed/i;

export const isNotLoaded = (error: unknown): boolean =>
  error instanceof Error && NOT_LOADED.test(error.message);
