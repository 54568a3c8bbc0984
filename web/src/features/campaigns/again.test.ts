import { expect, test } from "vitest";
import { toWhomAgain } from "./again";

const responses = { replied: 0, autoReplied: 0, bounced: 0, complained: 0, unsubscribed: 0 };
const step = (figures: object) => ({
  ...{
    id: 1,
    step: 1,
    wait: "P0D",
    businessDays: false,
    quotes: false,
    subject: null,
    body: "",
    bodyHtml: null,
  },
  ...{ total: 0, sent: 0, waiting: 0, following: 0, answered: 0, bounced: 0, optedOut: 0 },
  ...figures,
});

test("of a step that nobody got there is nobody to write to again", () => {
  const second = step({ step: 2, total: 24, waiting: 24 });
  const first = step({ total: 30, sent: 28, answered: 3 });
  const campaign = {
    counts: { SENT: 28, FAILED: 2 },
    recipients: 30,
    responses: { ...responses, replied: 3 },
    steps: [first, second],
  };
  expect(toWhomAgain(campaign, second)).toEqual([]);
  expect(toWhomAgain(campaign, step({ step: 3 }))).toEqual([]);
  expect(toWhomAgain(campaign, first)).toEqual(["NOT_ANSWERED", "ANSWERED", "FAILED", "EVERYBODY"]);
});

test("only groups that somebody is in are offered", () => {
  const first = step({ total: 5, sent: 5, answered: 5 });
  const campaign = { counts: { SENT: 5 }, recipients: 5, responses, steps: [first] };
  expect(toWhomAgain(campaign, first)).toEqual(["ANSWERED", "EVERYBODY"]);
  const cancelled = { counts: { CANCELLED: 5 }, recipients: 5, responses, steps: [step({ total: 5 })] };
  expect(toWhomAgain(cancelled)).toEqual(["EVERYBODY"]);
});

test("who answered a later step only has answered the campaign", () => {
  const steps = [step({ total: 2, sent: 2 }), step({ step: 2, total: 2, sent: 2, answered: 1 })];
  const campaign = { counts: { SENT: 4 }, recipients: 2, responses: { ...responses, replied: 1 }, steps };
  expect(toWhomAgain(campaign)).toEqual(["NOT_ANSWERED", "ANSWERED", "EVERYBODY"]);
  expect(toWhomAgain(campaign, steps[0])).toEqual(["NOT_ANSWERED", "EVERYBODY"]);
});
