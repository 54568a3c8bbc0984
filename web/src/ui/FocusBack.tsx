import { useEffect, useState } from "react";

/**
 * In a dialog that opens by an answer or by the page's address, or is there only while it is open: as it goes, what had
 * the focus before gets it back. Mantine sees that only of those that a click or a key opens.
 */
export function FocusBack() {
  const [before] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      // What has the focus since was given it by somebody.
      if (document.activeElement === document.body && before instanceof HTMLElement)
        before.focus({ preventScroll: true });
    },
    [before],
  );
  return null;
}
