import { useBlocker, useRouter } from "@tanstack/react-router";
import { useRef } from "react";
import { confirm } from "@/ui/confirm";

/**
 * Asks before the page, or what of it its address shows, is left while `isDirty`: what was typed would be lost. Returns
 * `leave(close)`, for what is open on a page and not in its address: it closes once that was asked.
 */
export function useUnsaved(isDirty: () => boolean): (close: () => void) => Promise<void> {
  const asking = useRef(false);
  const mayLeave = async () => {
    if (asking.current) return false;
    if (!isDirty()) return true;
    asking.current = true;
    const leaves = await askToLeave();
    asking.current = false;
    return leaves;
  };
  useBlocker({ shouldBlockFn: async () => !(await mayLeave()), enableBeforeUnload: isDirty });
  return async (close) => {
    if (await mayLeave()) close();
  };
}

function askToLeave(): Promise<boolean> {
  return confirm({
    title: "Leave what you have changed?",
    children: "It is not saved, and lost when you leave.",
    confirm: "Leave",
    cancel: "Stay here",
  });
}

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** Of `useLeavePage`: which leaving led here. */
    leaving?: number;
  }
}

/**
 * Leaves the page for the campaigns, before something that no page outlives. Resolves to whether it was left; where
 * somebody stays, not before they go somewhere at last, and then to false.
 */
export function useLeavePage(): () => Promise<boolean> {
  const router = useRouter();
  return async () => {
    const leaving = Date.now();
    await router.navigate({ to: "/", search: {}, state: { leaving } });
    return router.state.location.state.leaving === leaving;
  };
}
