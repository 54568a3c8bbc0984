// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { ledgerLive } from "./live";
import { emailQuery, emailsQuery } from "./queries";

test("progress makes short lists and single emails be read anew, and no long list", () => {
  const queries = new QueryClient();
  const pages = (n: number) => ({
    pages: Array.from({ length: n }, () => ({ items: [], nextCursor: null })),
    pageParams: Array.from({ length: n }, () => null),
  });
  queries.setQueryData(emailsQuery({ status: "SENT" }).queryKey, pages(1));
  queries.setQueryData(emailsQuery({ status: "FAILED" }).queryKey, pages(2));
  queries.setQueryData(emailQuery(5).queryKey, {} as never);
  void ledgerLive.follow?.(queries);
  const isStale = (queryKey: readonly unknown[]) => queries.getQueryState(queryKey)?.isInvalidated;
  expect(isStale(emailsQuery({ status: "SENT" }).queryKey)).toBe(true);
  expect(isStale(emailsQuery({ status: "FAILED" }).queryKey)).toBe(false);
  expect(isStale(emailQuery(5).queryKey)).toBe(true);
});
