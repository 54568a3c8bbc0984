// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { changed } from "../draft/changes";
import { consequences, draftOf, patchOf, placed, waitOf } from "./running";

const figures = {
  total: 0,
  answered: 0,
  bounced: 0,
  optedOut: 0,
  timeOfDay: null,
  quotes: false,
  businessDays: false,
};
const step = (id: number, step: number, wait: string, others: object) => ({
  ...figures,
  id,
  step,
  wait,
  subject: null,
  body: `Text ${step}`,
  bodyHtml: null,
  sent: 0,
  waiting: 0,
  following: 0,
  ...others,
});
const campaign = {
  subject: "Hello",
  steps: [
    step(1, 1, "P0D", { sent: 100, following: 60, answered: 5 }),
    step(7, 2, "P3D", { sent: 30, waiting: 4, following: 20 }),
    step(9, 3, "PT90S", { sent: 10, answered: 2, businessDays: false }),
  ],
};
const before = draftOf(campaign);

describe("the steps of a campaign that runs", () => {
  it("have their waits in the largest unit", () => {
    expect(waitOf({ wait: "P3D", businessDays: true })).toEqual({ n: 3, unit: "business days" });
    expect(waitOf({ wait: "PT7200S", businessDays: false })).toEqual({ n: 2, unit: "hours" });
    expect(waitOf({ wait: "P1DT60S", businessDays: false })).toEqual({ n: 1441, unit: "minutes" });
  });

  it("stay as they were where nobody touched them", () => {
    expect(consequences(campaign, before, before)).toEqual([]);
    expect(patchOf(campaign, before, before)).toEqual({});
    const after = changed(before, { kind: "content", step: "9", part: { body: "Other" } });
    expect(patchOf(campaign, before, after)).toMatchObject({
      steps: [
        { id: 7, wait: "P3D", subject: null, body: "Text 2", weight: null, variants: [] },
        { id: 9, wait: "PT90S" },
      ],
    });
  });

  it("say what will be cancelled, and who gets what is new", () => {
    const removed = changed(before, { kind: "removeStep", step: "7" });
    const after = changed(removed, { kind: "addStep", id: "new" });
    expect(consequences(campaign, before, after)).toEqual([
      "Step 2 is removed: 4 emails of it that wait are cancelled, and whoever would have got it gets what comes behind it.",
      "Step 3 is new: up to 8 who had step 3 get it, and whoever comes that far.",
    ]);
    expect(patchOf(campaign, before, after)).toMatchObject({ steps: [{ id: 9 }, { id: null, wait: "P3D" }] });
  });

  it("say what another order and another text do", () => {
    const moved = changed(before, { kind: "moveStep", step: "9", by: -1 });
    const after = changed(moved, { kind: "content", step: "9", part: { body: "Other" } });
    expect(consequences(campaign, before, after)).toEqual([
      "The order is another: whoever is owed a step gets the next that they have not had.",
      "Step 3 says something else from now on. What was sent stays as it was.",
    ]);
  });

  it("have variants, of which what changes or is new is sent", () => {
    const told = (id: number, step: number, letter: string, others: object = {}) => ({
      ...{ id, step, letter, weight: 1, bodyHtml: null, stoppedAt: null, textSince: null, sentBefore: 0 },
      ...{ subject: step === 1 ? letter : null, body: letter, sent: 0, answered: 0, bounced: 0, optedOut: 0 },
      answerRate: { low: 0, high: 100 },
      ...others,
    });
    const stopped = { stoppedAt: "2026-11-27T12:00:00Z" };
    const variants = [
      ...[told(1, 1, "A"), told(2, 1, "B", stopped), told(3, 1, "C", { sent: 12 }), told(4, 1, "D")],
      ...[told(5, 2, "A"), told(6, 2, "B")],
    ];
    const varied = { ...campaign, variants };
    const before = draftOf(varied);
    const [first, second] = before.steps;
    expect(first.variants?.map(({ id }) => id)).toEqual(["2", "3", "4"]);
    const fresh = { id: "fresh", weight: 2, content: { ...first.content, subject: "E", body: "E" } };
    const written = first.variants?.map((each) =>
      each.id === "3" ? { ...each, content: { ...each.content, body: "C2" } } : each,
    );
    const after = [
      { kind: "step", step: "first", part: { variants: [...(written ?? []), fresh], weight: 3 } } as const,
      { kind: "step", step: "7", part: { weight: 4 } } as const,
    ].reduce(changed, before);
    expect(patchOf(varied, before, after)).toMatchObject({
      variants: [
        { id: 3, subject: "C", body: "C2", weight: 1 },
        { id: null, subject: "E", body: "E", weight: 2 },
      ],
      weight: 3,
      steps: [{ id: 7, weight: 4, variants: [] }, { id: 9 }],
    });
    expect(consequences(varied, before, after)).toEqual([
      "Variant C of step 1 says something else from now on, and its figures begin anew: 12 emails had the text before.",
      "Step 1 is tried with E as well, for whoever has not had it.",
      "The shares of step 2 are others, for whoever has not had it.",
    ]);
    const errors = { "steps[0].variants[1].content.body": "x", "steps[0].variants[0].content.subject": "y" };
    expect(placed(varied, before, after, errors)).toEqual({
      "steps[0].variants[3].content.body": "x",
      "steps[0].variants[1].content.subject": "y",
    });
    const alone = changed(before, { kind: "step", step: second?.id ?? "", part: { inThread: false } });
    expect(patchOf(varied, before, alone).steps?.[0]?.variants).toMatchObject([{ id: 6 }]);
  });
});
