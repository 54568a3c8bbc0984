import { IconRefreshAlert } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { interruption, watchEvents } from "@/api/events";
import classes from "./LiveUpdates.module.css";

/** Keeps what is shown up to date, and says so where it cannot for the moment. */
export function LiveUpdates() {
  const queries = useQueryClient();
  useEffect(() => watchEvents(queries), [queries]);
  const down = useSyncExternalStore(interruption.subscribe, interruption.get);
  return (
    <div role="status" className={classes.place}>
      {down && (
        <span className={classes.pill}>
          <IconRefreshAlert size={15} aria-hidden />
          Reconnecting…
        </span>
      )}
    </div>
  );
}
