import { useBlocker } from "@tanstack/react-router";
import { useRef } from "react";
import { confirm } from "@/ui/confirm";

/** Asks before the page, or what of it its address shows, is left while `isDirty`: what was typed would be lost. */
export function useUnsaved(isDirty: () => boolean): void {
  const asking = useRef(false);
  useBlocker({
    async shouldBlockFn() {
      if (asking.current) return true; // one key may close the question and what is under it
      if (!isDirty()) return false;
      asking.current = true;
      try {
        return !(await askToLeave());
      } finally {
        asking.current = false;
      }
    },
    enableBeforeUnload: isDirty,
  });
}

function askToLeave(): Promise<boolean> {
  return confirm({
    title: "Leave what you have changed?",
    children: "It is not saved, and lost when you leave.",
    confirm: "Leave",
    cancel: "Stay here",
  });
}
