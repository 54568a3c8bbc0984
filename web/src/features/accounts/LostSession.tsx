import { useEffect, useState, useSyncExternalStore } from "react";
import { session } from "@/api/session";
import { lazyPart } from "@/ui/lazyPart";
import { Part } from "@/ui/Part";

const SessionDialog = lazyPart(() => import("./SessionDialog"), "SessionDialog");

/**
 * The dialog for a session that is lost. It is loaded behind the first page, and not when it is needed: an upgrade may
 * have taken its file away by then.
 */
export function LostSession() {
  const { lost } = useSyncExternalStore(session.subscribe, session.get);
  useEffect(() => void SessionDialog.preload?.(), []);
  const [wasLost, setWasLost] = useState(false);
  if (lost !== null && !wasLost) setWasLost(true);
  return (
    wasLost && (
      <Part apart>
        <SessionDialog />
      </Part>
    )
  );
}
