import { IconRefreshAlert } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { interruption, watchEvents } from "@/api/eventStream";
import { session } from "@/api/session";
import { accountsLive } from "@/features/accounts/live";
import { campaignsLive } from "@/features/campaigns/live";
import { inboundLive } from "@/features/inbound/live";
import { ledgerLive } from "@/features/ledger/live";
import { operationsLive } from "@/features/operations/live";
import { sendersLive } from "@/features/senders/live";
import classes from "./LiveUpdates.module.css";

const FEATURES = [accountsLive, campaignsLive, sendersLive, ledgerLive, inboundLive, operationsLive];

/** Keeps what is shown up to date, and says so where it cannot for the moment. */
export function LiveUpdates() {
  const queries = useQueryClient();
  const account = useSyncExternalStore(session.subscribe, session.actingAs);
  useEffect(() => {
    if (account) return watchEvents(queries, FEATURES);
  }, [queries, account]);
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
