import { expect, test } from "vitest";
import { emailSearch, exportPath, isNarrowed } from "./search";

test("what stands in the address is taken where it makes sense", () => {
  expect(emailSearch({ q: " ada ", campaignId: 3, senderId: 4, status: "FAILED" })).toEqual({
    q: "ada",
    campaignId: 3,
    senderId: 4,
    status: "FAILED",
  });
  expect(emailSearch({ q: 12 }).q).toBe("12");
});

test("nonsense in the address is left out", () => {
  const nothing = { q: undefined, campaignId: undefined, senderId: undefined, status: undefined };
  expect(emailSearch({ q: "  ", campaignId: "x", senderId: -1, status: "LOST" })).toEqual(nothing);
  expect(emailSearch({ q: { a: 1 }, campaignId: 1.5, senderId: 2 ** 60 })).toEqual(nothing);
});

test("the CSV has the filters of the list", () => {
  expect(exportPath({})).toBe("/api/emails/export?spreadsheet=true&columns=table");
  expect(exportPath({ q: "a&b", status: "SENT", campaignId: undefined })).toBe(
    "/api/emails/export?spreadsheet=true&columns=table&q=a%26b&status=SENT",
  );
});

test("a list of some recipients or of one sender is narrowed, one of a campaign or a reason is not", () => {
  expect(isNarrowed({ q: "ada" })).toBe(true);
  expect(isNarrowed({ senderId: 3 })).toBe(true);
  expect(isNarrowed(emailSearch({ campaignId: 3, failedFor: "SPAM", status: "FAILED" }))).toBe(false);
});
