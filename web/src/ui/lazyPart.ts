/**
 * A component whose code is loaded when it is first shown, under a Suspense: `lazyPart(() => import("./Chart"), "Chart")`.
 * When an upgrade has taken the file away, the page is loaded anew, once, as the router does for whole pages.
 */
export { lazyRouteComponent as lazyPart } from "@tanstack/react-router";
