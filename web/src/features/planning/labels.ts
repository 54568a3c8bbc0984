import type { WaitReason } from "./words";

/** Beside an email in a list. */
export const WAITING_LABEL: Readonly<Record<WaitReason, string>> = {
  NOT_DUE: "Not due",
  FOLLOWS: "Follows another",
  PAUSED: "Paused",
  STOPPED: "Stopped",
  CALENDAR: "Outside its hours",
  HOURLY_LIMIT: "Hourly limit",
  DAILY_LIMIT: "Daily limit",
  CAMPAIGN_LIMIT: "Campaign's limit",
  RAMP: "Ramp-up",
  LEAST_GAP: "Gap",
  FOLLOW_UPS: "Kept for follow-ups",
  SENDER_BLOCKED: "Sender held back",
  LOGIN_EXPIRED: "Login expired",
  SERVER_SLOW: "Server slow",
  REFUSED: "Refused",
  INBOX_UNREAD: "Inbox not read",
  PLAN_CHANGING: "Being planned",
  OTHER_INSTALLATION: "Not sent here",
  NO_WORKER: "No worker",
  NOTHING_WAITS: "Nothing waits",
};
