import { expect, it } from "vitest";
import { type Change, changed } from "./changes";
import { type Draft, EMPTY } from "./draft";

const [first] = EMPTY.steps;
const TWO: Draft = { ...EMPTY, steps: [first, { ...first, id: "second", wait: { n: 1, unit: "days" } }] };

it("changes its own part and no other", () => {
  const changes: [Change, keyof Draft][] = [
    [{ kind: "name", name: "Spring" }, "name"],
    [{ kind: "audience", part: { source: "file" } }, "audience"],
    [{ kind: "senders", senderIds: [7] }, "senderIds"],
    [{ kind: "content", step: "first", part: { subject: "Hello" } }, "steps"],
    [{ kind: "step", step: "second", part: { inThread: true } }, "steps"],
    [{ kind: "addStep", id: "third" }, "steps"],
    [{ kind: "removeStep", step: "second" }, "steps"],
    [{ kind: "following", part: { stopOnAutoReply: true } }, "following"],
    [{ kind: "timing", part: { spread: true } }, "timing"],
    [{ kind: "attempt", attempt: { key: "k", print: "p" } }, "attempt"],
    [{ kind: "keptAs", keptAs: 5 }, "keptAs"],
  ];
  for (const [change, part] of changes) {
    const { [part]: before, ...others } = TWO;
    const { [part]: after, ...same } = changed(TWO, change);
    expect(after).not.toEqual(before);
    expect(same).toEqual(others);
  }
});

it("writes the content of the step it names, and keeps what it does not name", () => {
  const written = changed(TWO, { kind: "content", step: "second", part: { subject: "Again" } });
  expect(written.steps.map(({ content }) => content.subject)).toEqual(["", "Again"]);
  expect(changed(written, { kind: "content", step: "second", part: { body: "x" } }).steps[1]).toEqual({
    ...first,
    id: "second",
    wait: { n: 1, unit: "days" },
    content: { ...first.content, subject: "Again", body: "x" },
  });
});

it("moves a later step, and the first never", () => {
  const three = changed(TWO, { kind: "addStep", id: "third" });
  const order = (draft: Draft) => draft.steps.map(({ id }) => id);
  expect(order(changed(three, { kind: "moveStep", step: "third", by: -1 }))).toEqual([
    "first",
    "third",
    "second",
  ]);
  for (const [step, by] of [
    ["second", -1],
    ["third", 1],
    ["first", 1],
  ] as const)
    expect(order(changed(three, { kind: "moveStep", step, by }))).toEqual(["first", "second", "third"]);
  expect(order(changed(three, { kind: "removeStep", step: "first" }))).toEqual(["first", "second", "third"]);
});
