import { IconAlertTriangle, IconHourglassEmpty } from "@tabler/icons-react";
import type { Sender } from "@/features/senders/queries";
import { useNow } from "@/time/useNow";
import classes from "./HoldUpNote.module.css";
import type { Campaign } from "./queries";
import { holdUp } from "./words";

/** What holds a campaign back at the moment, in words; nothing where nothing does. */
export function HoldUpNote({ campaign, sender }: { campaign: Campaign; sender: Sender | undefined }) {
  const found = holdUp(campaign, sender, new Date(useNow()));
  if (!found) return null;
  const Icon = found.kind === "trouble" ? IconAlertTriangle : IconHourglassEmpty;
  return (
    <p className={classes.note} data-kind={found.kind}>
      <Icon size={16} stroke={1.8} aria-hidden />
      <span>{found.text}</span>
    </p>
  );
}
