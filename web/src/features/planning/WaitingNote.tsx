import { IconAlertTriangle, IconHourglassEmpty } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useNow } from "@/time/useNow";
import classes from "./WaitingNote.module.css";
import { isWorthSaying, startsLate, WAITING, type Waiting, why } from "./words";

interface Props {
  waiting: Waiting | null | undefined;
  /** Of a campaign of which nothing has gone. */
  startTime?: string | undefined;
  /** Buttons that do something about it, behind the words. */
  children?: ReactNode;
}

/** Why it does not go now, until when, and what would change it; nothing where it goes. */
export function WaitingNote({ waiting, startTime, children }: Props) {
  const now = new Date(useNow());
  if (!isWorthSaying(waiting, now)) return null;
  const { trouble } = WAITING[waiting.reason];
  const Icon = trouble ? IconAlertTriangle : IconHourglassEmpty;
  const late = startTime === undefined ? null : startsLate(waiting, startTime, now);
  return (
    <div className={classes.note} data-kind={trouble ? "trouble" : "wait"} data-reason={waiting.reason}>
      <Icon size={16} stroke={1.8} aria-hidden />
      <span>
        {late ?? why(waiting, now)} {waiting.detail}
        {children}
      </span>
    </div>
  );
}
