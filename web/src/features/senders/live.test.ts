import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { applySender } from "./live";
import { sendersQuery } from "./queries";

test("a sender's trouble is put where senders are shown", () => {
  const queries = new QueryClient();
  queries.setQueryData(sendersQuery().queryKey, {
    items: [{ id: 7, email: "a@x.test" }],
    nextCursor: null,
  } as never);
  applySender(queries, { id: 7, blockedUntil: "2026-11-24T12:00:00Z", blockReason: "535 no", held: null });
  expect(queries.getQueryData(sendersQuery().queryKey)?.items[0]).toMatchObject({
    email: "a@x.test",
    blockReason: "535 no",
  });
});
