import { expect, it } from "vitest";
import { type Change, changed } from "./changes";
import { type Draft, EMPTY } from "./draft";

const [first] = EMPTY.steps;
const TWO: Draft = { ...EMPTY, steps: [first, { ...first, id: "second", wait: 86_400 }] };

it("changes its own part and no other", () => {
  const changes: [Change, keyof Draft][] = [
    [{ kind: "name", name: "Spring" }, "name"],
    [{ kind: "audience", part: { source: "file" } }, "audience"],
    [{ kind: "senders", senderIds: [7] }, "senderIds"],
    [{ kind: "content", step: "first", part: { subject: "Hello" } }, "steps"],
    [{ kind: "timing", part: { spread: true } }, "timing"],
    [{ kind: "attempt", attempt: { key: "k", print: "p" } }, "attempt"],
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
    wait: 86_400,
    content: { ...first.content, subject: "Again", body: "x" },
  });
});
