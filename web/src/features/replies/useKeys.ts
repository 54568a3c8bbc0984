import { useHotkeys } from "@mantine/hooks";
import { useEffect, useRef } from "react";
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
  const at = responses.findIndex(({ id }) => id === current);
  const was = useRef<number>(undefined);
  useEffect(() => {
    if (at !== -1 || current === undefined) was.current = at === -1 ? undefined : at;
  }, [at, current]);
  useHotkeys([
    ["j", () => go(stepped(responses, current, 1, was.current))],
    ["k", () => go(stepped(responses, current, -1, was.current))],
    ["e", () => go(nextUnread(responses, current, was.current))],
  ]);
}
