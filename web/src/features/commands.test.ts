import { expect, test } from "vitest";

const files = import.meta.glob<string>(["../**/*.{ts,tsx}", "!**/*.test.*", "!../api/**"], {
  query: "?raw",
  import: "default",
  eager: true,
});

/** Where something is posted without a command beside it, each for its reason. */
const NO_COMMANDS: Record<string, string> = {
  "./compose/commands.ts": "what the commands of sending and of a test run",
  "./compose/signature/commands.ts": "what the command beside its field runs",
  "./compose/queries.ts": "a preview is read, by what is written",
  "./recipients/queries.ts": "a list is looked through, by what is asked of it",
  "./workspaces/queries.ts": "an invitation is looked up by its token, which is in no address",
  "./compose/draft/onServer.ts": "a draft saves itself, and tells in its own place whether it did",
  "../app/AppShell/useLogOut.ts": "it ends the session, whatever the answer",
};

test("whatever writes to the API is a command, with what it changes and what it says", () => {
  const others = Object.entries(files)
    .filter(([, text]) => /\bapi\.(POST|PUT|PATCH|DELETE)\(/.test(text) && !/\buseCommand\b/.test(text))
    .map(([path]) => path);
  expect(Object.keys(files).length).toBeGreaterThan(200);
  expect(others.sort()).toEqual(Object.keys(NO_COMMANDS).sort());
  const mutations = Object.entries(files).filter(([, text]) => /\buseMutation\b/.test(text));
  expect(mutations.map(([path]) => path)).toEqual(["../forms/useCommand.ts"]);
});

test("a query's key comes from the one file that has them", () => {
  const own = Object.entries(files).filter(([, text]) => /(queryKey|mutationKey): \[/.test(text));
  expect(own.map(([path]) => path)).toEqual([]);
});
