// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { act, render } from "@testing-library/react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Sender } from "./queries";
import { SenderState } from "./SenderState";

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-11-24T12:00:00Z") });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const SENDER = { blockedUntil: null, blockReason: null, verifiedAt: null, verifyError: null };

/** The text that a screen reader is told, without what is hidden from it. */
function said(container: Element): string {
  const copy = container.cloneNode(true) as Element;
  for (const hidden of copy.querySelectorAll("[aria-hidden]")) hidden.remove();
  return copy.textContent ?? "";
}

test("what is read out does not change as time goes by", () => {
  for (const state of [
    { blockedUntil: "2026-11-24T12:10:00Z", blockReason: "535 no" },
    { verifiedAt: "2026-11-24T11:59:58Z" },
    { verifiedAt: "2026-11-24T11:59:58Z", verifyError: "535 no" },
  ]) {
    const { container, unmount } = render(
      <MantineProvider>
        <SenderState sender={{ ...SENDER, ...state } as Sender} verifying={false} failure={null} />
      </MantineProvider>,
    );
    const live = container.querySelector("[aria-live]");
    if (!live) throw new Error("nothing is read out");
    const before = { said: said(live), seen: live.textContent };
    act(() => vi.advanceTimersByTime(20_000));
    expect(said(live)).toBe(before.said);
    if (state.blockedUntil) expect(live.textContent).not.toBe(before.seen);
    unmount();
  }
});
