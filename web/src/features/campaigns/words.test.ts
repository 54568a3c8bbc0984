import { expect, test } from "vitest";
import { progressText } from "./words";

test("a bar in words leaves out what is not there", () => {
  expect(
    progressText(
      [
        ["Sent", 1200],
        ["Failed", 0],
        ["Scheduled", 800],
      ],
      2000,
    ),
  ).toBe("2,000 emails: 1,200 sent, 800 scheduled");
});
