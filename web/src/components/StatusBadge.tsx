import type { CampaignStatus, EmailStatus } from "@/api/queries";
import classes from "./StatusBadge.module.css";

type Status = EmailStatus | CampaignStatus;

/** The word for a status, and the CSS variable of its colour (for charts and bars too). */
export const STATUS: Readonly<Record<Status, { label: string; color: string }>> = {
  SCHEDULED: { label: "Scheduled", color: "var(--status-scheduled)" },
  SENDING: { label: "Sending", color: "var(--status-sending)" },
  SENT: { label: "Sent", color: "var(--status-sent)" },
  FAILED: { label: "Failed", color: "var(--status-failed)" },
  UNKNOWN: { label: "In doubt", color: "var(--status-unknown)" },
  CANCELLED: { label: "Cancelled", color: "var(--status-cancelled)" },
  ACTIVE: { label: "Active", color: "var(--status-sent)" },
  PAUSED: { label: "Paused", color: "var(--status-unknown)" },
  FINISHED: { label: "Finished", color: "var(--status-scheduled)" },
};

/** The order in which statuses are shown side by side, in bars, legends and tables. */
export const EMAIL_STATUSES: readonly EmailStatus[] = [
  "SENT",
  "SENDING",
  "SCHEDULED",
  "UNKNOWN",
  "FAILED",
  "CANCELLED",
];

/** A dot and a word: colour is never the only sign. */
export function StatusBadge({ status }: { status: Status }) {
  const { label, color } = STATUS[status];
  return (
    <span className={classes.badge} style={{ color }}>
      <span className={classes.dot} aria-hidden />
      {label}
    </span>
  );
}
