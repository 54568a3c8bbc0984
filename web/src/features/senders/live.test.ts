// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { keys } from "@/api/keys";
import { hearSender } from "./live";
import { sendersQuery } from "./queries";

test("a sender's trouble makes senders be read anew, and what is shown already does not", () => {
  const queries = new QueryClient();
  const { queryKey } = sendersQuery();
  const trouble = { id: 7, blockedUntil: "2026-11-24T12:00:00Z", blockReason: "535 no", held: null };
  queries.setQueryData(queryKey, { items: [{ ...trouble, email: "a@x.test" }], nextCursor: null } as never);
  queries.setQueryData(keys.alerts(), []);
  hearSender(queries, trouble);
  hearSender(queries, { ...trouble, id: 8, blockReason: "of none that is shown" });
  expect(queries.getQueryState(queryKey)?.isInvalidated).toBe(false);
  hearSender(queries, { id: 7, blockedUntil: null, blockReason: null, held: null });
  expect(queries.getQueryState(queryKey)?.isInvalidated).toBe(true);
  expect(queries.getQueryState(keys.alerts())?.isInvalidated).toBe(true);
});
