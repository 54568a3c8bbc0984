import { useEffect, useState } from "react";

/** Of each dialog that is open, the last above all: what gets the focus back, or what does where that is gone. */
const open: Element[][] = [];

/**
 * In a dialog that opens by an answer or by the page's address, or is there only while it is open: as it goes, what had
 * the focus before gets it back. Mantine sees that only of those that a click or a key opens.
 */
export function FocusBack() {
  const [places] = useState(placesBefore);
  useEffect(() => {
    open.push(places);
    return () => {
      open.splice(open.indexOf(places), 1);
      for (const place of places) {
        // What has the focus since was given it by somebody, or took it just now: what is gone or disabled does not.
        if (document.activeElement !== document.body) return;
        if (place instanceof HTMLElement) place.focus({ preventScroll: true });
      }
    };
  }, [places]);
  return null;
}

/** What has the focus; the button of the menu that it is in; and what had it before the dialog that it is in opened. */
function placesBefore(): Element[] {
  const at = document.activeElement;
  const menu = at?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  return [at, menu ? document.getElementById(menu) : null, ...(open.at(-1) ?? [])].filter(
    (each) => each !== null,
  );
}
