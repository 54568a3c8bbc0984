import { expect, it } from "vitest";
import { hintsAt } from "./hintsAt";

it("blames no step in the thread for a subject that it does not have", () => {
  const [subject, body] = ["subject", "body"].map((part) => ({ part, found: "x", reason: "y" }));
  if (!subject || !body) throw new Error("there are two");
  expect(hintsAt({ inThread: true }, [subject, body])).toEqual([body]);
  expect(hintsAt({ inThread: false }, [subject, body])).toEqual([subject, body]);
});
