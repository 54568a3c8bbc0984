/** Why it does not go now, in words. The API decides (`waiting`), says until when and what would change it. */

import type { components } from "@/api/schema";
import { localTime } from "@/time/format";

export type Waiting = components["schemas"]["Waiting"];
export type WaitReason = Waiting["reason"];

interface Words {
  /** The beginning of a sentence, which goes on with until when. */
  text: string;
  /** Somebody should look at it. */
  trouble?: true;
}

export const WAITING: Readonly<Record<WaitReason, Words>> = {
  NOT_DUE: { text: "Planned for" },
  FOLLOWS: { text: "The next step waits" },
  PAUSED: { text: "Paused" },
  STOPPED: { text: "Stopped" },
  CALENDAR: { text: "Outside of the campaign's hours" },
  HOURLY_LIMIT: { text: "The hourly limit is used up" },
  DAILY_LIMIT: { text: "The daily limit is used up" },
  CAMPAIGN_LIMIT: { text: "The campaign's own limit is used up" },
  RAMP: { text: "The day's part of the ramp-up is used up" },
  LEAST_GAP: { text: "Kept apart from the sender's other emails" },
  FOLLOW_UPS: { text: "Room is kept for follow-ups" },
  SENDER_BLOCKED: { text: "The sender is held back", trouble: true },
  LOGIN_EXPIRED: { text: "The sender has to be connected anew", trouble: true },
  SERVER_SLOW: { text: "The server is slow" },
  REFUSED: { text: "Held back, since the server refuses it", trouble: true },
  INBOX_UNREAD: { text: "The inbox has not been read", trouble: true },
  PLAN_CHANGING: { text: "Being planned anew" },
  OTHER_INSTALLATION: { text: "Nothing is sent", trouble: true },
  NO_WORKER: { text: "Nothing is sent", trouble: true },
  NOTHING_WAITS: { text: "Nothing waits" },
};

/** The limits that somebody can spend on another campaign instead. */
const LIMITS: ReadonlySet<WaitReason> = new Set(["HOURLY_LIMIT", "DAILY_LIMIT", "RAMP", "LEAST_GAP"]);
export const isLimit = ({ reason }: Waiting): boolean => LIMITS.has(reason);

const NEAR_MS = 60_000;

/** Whether there is something to say: not of what goes this minute, nor of what is over. */
export function isWorthSaying(waiting: Waiting | null | undefined, now: Date): waiting is Waiting {
  if (!waiting || waiting.reason === "NOTHING_WAITS") return false;
  if (waiting.until === null) return true;
  const left = new Date(waiting.until).getTime() - now.getTime();
  return waiting.reason === "NOT_DUE" ? left > NEAR_MS : left > 0;
}

/** Why and until when: "The hourly limit is used up until 24 Nov, 14:00." */
export function why({ reason, until }: Waiting, now: Date): string {
  const { text } = WAITING[reason];
  if (until === null) return reason === "NOT_DUE" ? "Due." : `${text}.`;
  return `${text}${reason === "NOT_DUE" ? "" : " until"} ${localTime(new Date(until), now)}.`;
}

/** The same of a campaign that has not begun and should have: when, instead of when. */
export function startsLate(waiting: Waiting, startTime: string, now: Date): string | null {
  const { reason, until } = waiting;
  if (until === null || reason === "NOT_DUE") return null;
  const [start, at] = [new Date(startTime), new Date(until)];
  if (at.getTime() - Math.max(start.getTime(), 0) < NEAR_MS) return null;
  return `Starts at ${localTime(at, now)} instead of ${localTime(start, now)}.`;
}
