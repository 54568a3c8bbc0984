import { useHotkeys } from "@mantine/hooks";
import type { ResponseSummary } from "@/features/inbound/queries";
import { nextUnread, stepped } from "./walk";

/** j and k go down and up, e to the next that is unread. None of it while something is typed. */
export function useKeys(
  responses: readonly ResponseSummary[],
  current: number | undefined,
  open: (id: number) => void,
): void {
  const go = (id: number | undefined) => {
    if (id !== undefined) open(id);
  };
  useHotkeys([
    ["j", () => go(stepped(responses, current, 1))],
    ["k", () => go(stepped(responses, current, -1))],
    ["e", () => go(nextUnread(responses, current))],
  ]);
}
