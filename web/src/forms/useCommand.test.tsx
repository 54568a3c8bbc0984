// @vitest-environment jsdom
import { notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import { commandsCache, useCommand } from "./useCommand";

afterEach(() => vi.restoreAllMocks());

const PROBLEM = new ApiProblem(409, "Conflict", "it is over");

function setUp() {
  const queries: QueryClient = new QueryClient({ mutationCache: commandsCache(() => queries) });
  queries.setQueryData(["campaigns"], []);
  const wrapper = ({ children }: { children: ReactNode }) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const said = vi.spyOn(notifications, "show").mockReturnValue("");
  const isOld = () => queries.getQueryState(["campaigns"])?.isInvalidated;
  return { wrapper, queries, said, isOld };
}

test("what was done is said, and what it changes is read anew", async () => {
  const { wrapper, said, isOld } = setUp();
  const order: string[] = [];
  const { result } = renderHook(
    () =>
      useCommand({
        run: async (n: number) => n + 1,
        changes: [["campaigns"]],
        done: (answer, input) => order.push(`${input} became ${answer}`),
        said: (answer) => `It is ${answer} now.`,
      }),
    { wrapper },
  );
  let worked: boolean | undefined;
  await act(async () => {
    worked = await result.current.run(1);
  });
  expect(worked).toBe(true);
  expect(order).toEqual(["1 became 2"]);
  expect(said).toHaveBeenCalledWith({ message: "It is 2 now." });
  expect(isOld()).toBe(true);
  expect(result.current.pending).toBe(false);
});

test("a failure is said too, and what may have changed is read anew all the same", async () => {
  const { wrapper, said, isOld } = setUp();
  const { result } = renderHook(
    () =>
      useCommand({ run: () => Promise.reject(PROBLEM), changes: [["campaigns"]], failed: "It is as it was" }),
    { wrapper },
  );
  await act(async () => expect(await result.current.run()).toBe(false));
  expect(said.mock.calls[0]?.[0]).toMatchObject({ title: "It is as it was", message: "It is over." });
  expect(isOld()).toBe(true);
});

test("after a refusal it is asked anew what one may do: the role is another than the page has it", async () => {
  const { wrapper, queries } = setUp();
  const roles = [keys.me, keys.workspaces()];
  for (const [status, isOld] of [
    [409, false],
    [403, true],
  ] as const) {
    for (const key of roles) queries.setQueryData(key, {});
    const refused = new ApiProblem(status, "No", "this takes the role member");
    const { result } = renderHook(() => useCommand({ run: () => Promise.reject(refused) }), { wrapper });
    await act(async () => expect(await result.current.run()).toBe(false));
    expect(roles.map((key) => queries.getQueryState(key)?.isInvalidated)).toEqual([isOld, isOld]);
  }
});

test("a page that says itself what failed is told, and nothing stands in the corner", async () => {
  const { wrapper, said } = setUp();
  const failed = vi.fn();
  const { result } = renderHook(() => useCommand({ run: () => Promise.reject(PROBLEM), failed }), {
    wrapper,
  });
  await act(async () => expect(await result.current.run()).toBe(false));
  expect(failed).toHaveBeenCalledWith(PROBLEM);
  expect(said).not.toHaveBeenCalled();
});

test("what is being done is not begun again by a second click, and can be done anew afterwards", async () => {
  const { wrapper } = setUp();
  const run = vi.fn(async ({ action }: { action: string }) => action);
  const { result } = renderHook(() => useCommand({ run }), { wrapper });
  await act(async () => {
    const { run } = result.current;
    expect(
      await Promise.all([run({ action: "pause" }), run({ action: "pause" }), run({ action: "cancel" })]),
    ).toEqual([true, true, true]);
  });
  expect(run.mock.calls.map(([{ action }]) => action)).toEqual(["pause", "cancel"]);
  await act(async () => expect(await result.current.run({ action: "pause" })).toBe(true));
  expect(run).toHaveBeenCalledTimes(3);
});
