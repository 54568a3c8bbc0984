// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, test, vi } from "vitest";
import { commandsCache } from "./useCommand";
import { useSubmit } from "./useSubmit";

function wrapper() {
  const queries: QueryClient = new QueryClient({ mutationCache: commandsCache(() => queries) });
  return ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
}

test("a form that is sent twice by a double click is sent once, and can be sent again after it failed", async () => {
  const send = vi.fn(() => Promise.reject(new Error("the connection is gone")));
  const { result } = renderHook(() => useSubmit({ initialValues: { name: "Readers" }, send }), {
    wrapper: wrapper(),
  });
  await act(async () => {
    result.current.submit();
    result.current.submit();
  });
  expect(send).toHaveBeenCalledTimes(1);
  expect(result.current.failure).not.toBeNull();
  await act(async () => result.current.submit());
  expect(send).toHaveBeenCalledTimes(2);
});

test("what was saved last is what a change is told by, also one back to what was there first", async () => {
  const send = () => Promise.resolve();
  const { result } = renderHook(() => useSubmit({ initialValues: { limit: 100 }, send }), {
    wrapper: wrapper(),
  });
  act(() => result.current.form.setFieldValue("limit", 200));
  expect(result.current.isDirty()).toBe(true);
  await act(async () => result.current.submit());
  expect(result.current.isDirty()).toBe(false);
  act(() => result.current.form.setFieldValue("limit", 100));
  expect(result.current.isDirty()).toBe(true);
  act(() => result.current.form.setFieldValue("limit", 200));
  expect(result.current.isDirty()).toBe(false);
});
