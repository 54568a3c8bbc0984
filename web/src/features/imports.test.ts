import { expect, test } from "vitest";

const files = import.meta.glob<string>(["./*/**/*.{ts,tsx}", "!**/*.test.*"], {
  query: "?raw",
  import: "default",
  eager: true,
});

/** Modules that any feature may read of any other, as they draw nothing in: two may know of each other's data. */
const READ_BY_ALL = /^(queries|words)$/;

/** By feature, those whose components, commands or rules it uses. */
function uses(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const [path, text] of Object.entries(files)) {
    const [, feature = ""] = path.split("/");
    const used = found.get(feature) ?? new Set();
    found.set(feature, used);
    for (const [, other = "", file = ""] of text.matchAll(/"@\/features\/(\w+)\/([^"]+)"/g)) {
      if (!READ_BY_ALL.test(file)) used.add(other);
    }
  }
  return found;
}

test("features use one another in no circle", () => {
  const left = uses();
  // A feature that uses none that is left can be in no circle.
  for (let before = -1; before !== left.size; ) {
    before = left.size;
    for (const [feature, used] of left) {
      if (![...used].some((other) => left.has(other))) left.delete(feature);
    }
  }
  expect(Object.keys(files).length).toBeGreaterThan(50);
  expect([...left.keys()]).toEqual([]);
});

test("queries and words of a feature draw in no components and no commands", () => {
  const heavy = Object.entries(files)
    .filter(([path]) => /^\.\/\w+\/(queries|words)\.ts$/.test(path))
    .flatMap(([path, text]) =>
      [...text.matchAll(/"((?:@\/features\/\w+|\.)\/([^"]+))"/g)]
        .filter(([, , file = ""]) => /^[A-Z]|commands$|live$/.test(file))
        .map(([, imported]) => `${path} imports ${imported}`),
    );
  expect(heavy).toEqual([]);
});
