import { afterEach } from "vitest";

if (typeof window !== "undefined") {
  const { cleanup, configure } = await import("@testing-library/react");
  // What a test drew goes with it, and its timers: later ones would find no page.
  afterEach(cleanup);
  configure({ asyncUtilTimeout: 30_000 });
  // Mantine asks a browser for these, and jsdom does not know them.
  window.matchMedia = (media) =>
    Object.assign(new EventTarget(), {
      media,
      matches: false,
      onchange: null,
      addListener() {},
      removeListener() {},
    });
  window.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  Element.prototype.scrollIntoView = () => undefined;
}
