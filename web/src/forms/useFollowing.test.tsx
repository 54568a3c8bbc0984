// @vitest-environment jsdom
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

test("what was saved here is nobody else's change, though somebody types on", async () => {
  const { result, rerender } = form();
  act(() => result.current.form.setFieldValue("name", "Mine "));
  await act(async () => result.current.submit());
  act(() => result.current.form.setFieldValue("name", "Mine, and more"));
  rerender({ name: "Mine" });
  expect(result.current.isOvertaken).toBe(false);
  expect(result.current.form.getValues()).toEqual({ name: "Mine, and more" });
  expect(result.current.isDirty()).toBe(true);
  rerender({ name: "Theirs" });
  expect(result.current.isOvertaken).toBe(true);
});

test("nothing is overtaken once it is theirs that is saved here, or nothing is changed here any more", async () => {
  const saved = form();
  act(() => saved.result.current.form.setFieldValue("name", "Mine"));
  saved.rerender({ name: "Theirs" });
  expect(saved.result.current.isOvertaken).toBe(true);
  act(() => saved.result.current.form.setFieldValue("name", "Theirs"));
  await act(async () => saved.result.current.submit());
  expect(saved.result.current.isOvertaken).toBe(false);

  const left = form();
  act(() => left.result.current.form.setFieldValue("name", "Mine"));
  left.rerender({ name: "Theirs" });
  act(() => left.result.current.form.setFieldValue("name", "Old"));
  expect(left.result.current.isOvertaken).toBe(false);
  expect(left.result.current.form.getValues()).toEqual({ name: "Theirs" });
});

test("what was saved here once is followed again when somebody else brings it back", async () => {
  const { result, rerender } = form();
  act(() => result.current.form.setFieldValue("name", "Mine"));
  await act(async () => result.current.submit());
  for (const name of ["Mine", "Theirs", "Mine"]) {
    rerender({ name });
    expect(result.current.form.getValues()).toEqual({ name });
    expect(result.current.isDirty()).toBe(false);
    expect(result.current.isOvertaken).toBe(false);
  }
});

test("blanks that the API takes away are no change", async () => {
  const { result, rerender } = form();
  act(() => result.current.form.setFieldValue("name", "Mine\n"));
  const key = result.current.form.key("name");
  await act(async () => result.current.submit());
  rerender({ name: "Mine" });
  expect(result.current.form.key("name")).toBe(key); // and the input keeps the focus
  expect(result.current.isDirty()).toBe(false);
  act(() => result.current.form.setFieldValue("name", "Mine  "));
  rerender({ name: "Theirs" });
  expect(result.current.form.getValues()).toEqual({ name: "Theirs" });
  expect(result.current.isOvertaken).toBe(false);
});
