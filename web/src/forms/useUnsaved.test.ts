// @vitest-environment jsdom
import { renderHook } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { confirm } from "@/ui/confirm";
import { useUnsaved } from "./useUnsaved";

vi.mock("@tanstack/react-router", () => ({ useBlocker: () => undefined }));
vi.mock("@/ui/confirm", () => ({ confirm: vi.fn() }));

/** Whatever a browser does between two listeners of one key. */
async function microtasks() {
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
}

test("nothing is asked while a question is open, and again as soon as it is answered", async () => {
  const asked = vi.mocked(confirm);
  const leave = renderHook(() => useUnsaved(() => true)).result.current;
  const close = vi.fn();
  let answer = (_: boolean) => {};
  asked.mockImplementation(() => new Promise((resolve) => (answer = resolve)));
  void leave(close);
  void leave(close);
  await microtasks();
  expect(asked).toHaveBeenCalledTimes(1);
  answer(false);
  await microtasks();
  void leave(close);
  expect(asked).toHaveBeenCalledTimes(2);
  answer(true);
  await microtasks();
  expect(close).toHaveBeenCalledTimes(1);
});
