import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { expect, test } from "vitest";
import { commandsCache } from "./useCommand";
import { useFollowing } from "./useFollowing";
import { useSubmit } from "./useSubmit";

function form() {
  const queries: QueryClient = new QueryClient({ mutationCache: commandsCache(() => queries) });
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  return renderHook(
    ({ name }) => {
      const submitted = useSubmit({ initialValues: { name }, send: () => Promise.resolve() });
      return { ...submitted, isOvertaken: useFollowing(submitted, { name }) };
    },
    { initialProps: { name: "Old" }, wrapper },
  );
}

test("what nobody has changed here is what the server has by now", () => {
  const { result, rerender } = form();
  const key = result.current.form.key("name");
  rerender({ name: "New" });
  expect(result.current.form.getValues()).toEqual({ name: "New" });
  expect(result.current.form.key("name")).not.toBe(key); // the input begins anew with it
  expect(result.current.isDirty()).toBe(false);
  expect(result.current.isOvertaken).toBe(false);
});

test("what was changed here stays, and is known to be overtaken until it is saved", async () => {
  const { result, rerender } = form();
  act(() => result.current.form.setFieldValue("name", "Mine"));
  const key = result.current.form.key("name");
  rerender({ name: "Theirs" });
  expect(result.current.form.getValues()).toEqual({ name: "Mine" });
  expect(result.current.isOvertaken).toBe(true);
  await act(async () => result.current.submit());
  rerender({ name: "Mine" });
  expect(result.current.isOvertaken).toBe(false);
  expect(result.current.form.key("name")).toBe(key); // and keeps the focus
  act(() => result.current.form.setFieldValue("name", "Old"));
  expect(result.current.isDirty()).toBe(true); // as it is not what was saved
});
