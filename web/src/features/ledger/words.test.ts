import { expect, test } from "vitest";
import { outcome } from "./words";

test("what a retry leaves out is told with why", () => {
  const retried = outcome("retry", 40, { changed: 0, goesOn: false });
  expect(retried).toBe(
    "0 emails will be tried again. 40 others are left out: somebody decided on them before, or nothing more goes to their" +
      " recipients (suppressed, erased, stopped or answered) or of their step (removed) or campaign (cancelled, or past its latest time).",
  );
  expect(outcome("resend", 3, { changed: 2, goesOn: false })).toContain(
    "2 emails will be sent again. 1 other is left out: ",
  );
});

test("what nothing is left out of says what was done, and what goes on says so", () => {
  expect(outcome("aside", 3, { changed: 3, goesOn: false })).toBe("3 emails put aside.");
  expect(outcome("aside", 3, { changed: 2, goesOn: false })).toBe(
    "2 emails put aside. 1 other is left out: somebody decided on them before.",
  );
  expect(outcome("never", 5_000, { changed: 1_000, goesOn: true })).toBe(
    "1,000 recipients will not be written to again. The others follow in the background.",
  );
});
