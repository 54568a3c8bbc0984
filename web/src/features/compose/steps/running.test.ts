import { describe, expect, it } from "vitest";
import { changed } from "../draft/changes";
import { consequences, draftOf, patchOf, waitOf } from "./running";

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
    expect(patchOf(campaign, before, before)).toMatchObject([
      { id: 7, wait: "P3D", subject: null, body: "Text 2" },
      { id: 9, wait: "PT90S" },
    ]);
  });

  it("say what will be cancelled, and who gets what is new", () => {
    const removed = changed(before, { kind: "removeStep", step: "7" });
    const after = changed(removed, { kind: "addStep", id: "new" });
    expect(consequences(campaign, before, after)).toEqual([
      "Step 2 is removed: 4 emails of it that wait are cancelled, and whoever would have got it gets what comes behind it.",
      "Step 3 is new: up to 8 who had step 3 get it, and whoever comes that far.",
    ]);
    expect(patchOf(campaign, before, after)).toMatchObject([{ id: 9 }, { id: null, wait: "P3D" }]);
  });

  it("say what another order and another text do", () => {
    const moved = changed(before, { kind: "moveStep", step: "9", by: -1 });
    const after = changed(moved, { kind: "content", step: "9", part: { body: "Other" } });
    expect(consequences(campaign, before, after)).toEqual([
      "The order is another: whoever is owed a step gets the next that they have not had.",
      "Step 3 says something else from now on. What was sent stays as it was.",
    ]);
  });
});
