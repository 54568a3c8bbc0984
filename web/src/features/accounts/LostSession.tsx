import { Suspense, useState, useSyncExternalStore } from "react";
import { session } from "@/api/session";
import { lazyPart } from "@/ui/lazyPart";

const SessionDialog = lazyPart(() => import("./SessionDialog"), "SessionDialog");

/** The dialog for a session that is lost, which most never see: it is loaded when the first is. */
export function LostSession() {
  const { lost } = useSyncExternalStore(session.subscribe, session.get);
  const [wasLost, setWasLost] = useState(false);
  if (lost !== null && !wasLost) setWasLost(true);
  return (
    wasLost && (
      <Suspense>
        <SessionDialog />
      </Suspense>
    )
  );
}
