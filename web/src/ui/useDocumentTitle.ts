import { useEffect } from "react";

/** What the browser's tab is called. */
export function useDocumentTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · ReachInbox`;
  }, [title]);
}
