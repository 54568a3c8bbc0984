// @vitest-environment jsdom
import { renderHook } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import type { ResponseSummary } from "@/features/inbound/queries";
import { useKeys } from "./useKeys";

const unread = (id: number) => ({ id, readAt: null }) as ResponseSummary;
const [a, b, c, d] = [unread(9), unread(8), unread(7), unread(6)];

function press(key: string) {
  document.documentElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}

test("of the unread ones, the one that is opened is read and leaves; j and k go on from where it stood", () => {
  const open = vi.fn();
  const page = renderHook(({ list, current }) => useKeys(list, current, open), {
    initialProps: { list: [a, b, c, d], current: c.id as number | undefined },
  });
  page.rerender({ list: [a, b, d], current: c.id });
  press("j");
  expect(open).toHaveBeenLastCalledWith(d.id);
  press("k");
  expect(open).toHaveBeenLastCalledWith(b.id);
  press("e");
  expect(open).toHaveBeenLastCalledWith(d.id);
  page.rerender({ list: [a, b, d], current: undefined });
  press("j");
  expect(open).toHaveBeenLastCalledWith(a.id);
});
