import { expect, it } from "vitest";
import { ApiProblem } from "@/api/problem";
import { below, errorsOf } from "./errors";

const problem = (errors: Record<string, string>) => new ApiProblem(422, "Unprocessable", "x", errors);

it("says of each field of the API where it is in the draft", () => {
  const { errors, isPlaced } = errorsOf(problem({ bodyHtml: "is wrong", "recipients[3].email": "is none" }));
  expect(errors).toEqual({ "steps[0].content.html": "Is wrong.", audience: "Is none." });
  expect(isPlaced).toBe(true);
  expect(below(errors, "steps[0].content")).toEqual({ html: "Is wrong." });
  expect(below(errors, "timing")).toEqual({});
});

it("keeps the fields of the calendar apart", () => {
  const { errors } = errorsOf(
    problem({ "calendar.days": "has no day", calendar: "is never open", latestAt: "is early" }),
  );
  expect(below(errors, "timing")).toEqual({
    "calendar.days": "Has no day.",
    calendar: "Is never open.",
    latestTime: "Is early.",
  });
});

it("says when something belongs to no part of it", () => {
  expect(errorsOf(problem({ "Idempotency-Key": "is long", subject: "is missing" })).isPlaced).toBe(false);
  expect(errorsOf(problem({})).isPlaced).toBe(false);
  expect(errorsOf(new Error("lost"))).toEqual({ errors: {}, isPlaced: false });
});
