import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, test, vi } from "vitest";
import { commandsCache } from "./useCommand";
import { useSubmit } from "./useSubmit";

test("a form that is sent twice by a double click is sent once, and can be sent again after it failed", async () => {
  const queries: QueryClient = new QueryClient({ mutationCache: commandsCache(() => queries) });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const send = vi.fn(() => Promise.reject(new Error("the connection is gone")));
  const { result } = renderHook(() => useSubmit({ initialValues: { name: "Readers" }, send }), { wrapper });
  await act(async () => {
    result.current.submit();
    result.current.submit();
  });
  expect(send).toHaveBeenCalledTimes(1);
  expect(result.current.failure).not.toBeNull();
  await act(async () => result.current.submit());
  expect(send).toHaveBeenCalledTimes(2);
});
