import { useEffect, useState } from "react";

/**
 * For what is there only while it is open: as it goes, what had the focus before gets it back. Mantine does that where
 * `opened` changes.
 */
export function useFocusBack(): void {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    },
    [before],
  );
}
