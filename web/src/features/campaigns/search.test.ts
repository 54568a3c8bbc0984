import { expect, test } from "vitest";
import { campaignSearch, campaignsSearch } from "./search";

test("what stands in the address is taken where it makes sense", () => {
  expect(campaignSearch({ tab: "settings", status: "SENT" })).toMatchObject({
    tab: "settings",
    status: "SENT",
  });
});

test("nonsense in the address is left out", () => {
  expect(campaignsSearch({ status: "SENT" })).toEqual({ status: undefined });
  expect(campaignSearch({ tab: "nowhere" }).tab).toBeUndefined();
});
