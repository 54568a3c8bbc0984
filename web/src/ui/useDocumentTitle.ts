import { useEffect } from "react";

/** The title of the browser's tab. */
export function useDocumentTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · ReachInbox`;
  }, [title]);
}
