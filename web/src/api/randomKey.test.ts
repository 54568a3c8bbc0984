import { expect, test } from "vitest";
import { randomKey } from "./randomKey";

const files = import.meta.glob<string>(["../**/*.{ts,tsx}", "!**/*.test.*"], {
  query: "?raw",
  import: "default",
  eager: true,
});

test("is another each time", () => {
  expect(randomKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(randomKey()).not.toBe(randomKey());
});

test("stands for what browsers have on HTTPS and localhost alone", () => {
  const others = Object.entries(files).filter(([, text]) => /\brandomUUID\(/.test(text));
  expect(Object.keys(files).length).toBeGreaterThan(200);
  expect(others.map(([path]) => path)).toEqual([]);
});
