/** Words about responses. */

import { dayName } from "@/time/format";
import { keysOf } from "@/ui/options";
import type { Status } from "@/ui/StatusBadge";
import type { Kind, ResponseSummary } from "./queries";

interface KindWords extends Status {
  /** Of several, over a list. */
  many: string;
  /** The effect of a person saying that it is one. */
  follows: string;
}

/** In the order in which one looks at them. */
export const KIND: Readonly<Record<Kind, KindWords>> = {
  REPLY: {
    label: "Reply",
    many: "Replies",
    color: "var(--status-sent)",
    follows: "What still waits for them in the campaign is cancelled.",
  },
  AUTO_REPLY: {
    label: "Automatic",
    many: "Automatic",
    color: "var(--status-scheduled)",
    follows: "Nothing follows from it.",
  },
  BOUNCE: {
    label: "Bounce",
    many: "Bounces",
    color: "var(--status-failed)",
    follows: "Where it says that there is no such mailbox, the address is suppressed.",
  },
  UNSUBSCRIBE: {
    label: "Opt-out",
    many: "Opt-outs",
    color: "var(--status-cancelled)",
    follows: "The address is suppressed: nothing more is sent to it.",
  },
  COMPLAINT: {
    label: "Complaint",
    many: "Complaints",
    color: "var(--status-unknown)",
    follows: "The address is suppressed: nothing more is sent to it.",
  },
};

export const KINDS = keysOf(KIND);

/** Those that suppress whoever they are about. */
export const SUPPRESSING: readonly Kind[] = ["BOUNCE", "UNSUBSCRIBE", "COMPLAINT"];

/** People who read mail use these most often; they type others. */
export const LABELS: readonly string[] = ["Interested", "Meeting", "Not now", "No"];

export function kindWords({ kind }: Pick<ResponseSummary, "kind">): KindWords {
  // Our own copy of an email is listed nowhere.
  return KIND[kind === "FOUND_IN_SENT" ? "AUTO_REPLY" : kind];
}

/** The writer of it, as a person would say. */
export function writerOf({
  writer,
  writerName,
  recipient,
}: Pick<ResponseSummary, "writer" | "writerName" | "recipient">): string {
  return writerName || writer || recipient;
}

type Verdict = Pick<ResponseSummary, "kind" | "severity" | "ofSender" | "code" | "enhancedCode" | "backOn">;

/** The points of it that matter, in a few words; none of a reply. */
export function verdict({ kind, severity, ofSender, code, enhancedCode, backOn }: Verdict): string {
  if (kind === "AUTO_REPLY") return backOn ? `Back on ${dayName(new Date(backOn), "UTC")}` : "";
  if (kind !== "BOUNCE") return "";
  const codes = [code, enhancedCode].filter(Boolean).join(" ");
  const what = ofSender
    ? "The provider refuses the sender"
    : { hard: "No such mailbox", soft: "It may pass", policy: "Refused" }[severity ?? "soft"];
  return codes ? `${what} (${codes})` : what;
}

/** How many of those that were sent, such as "4.2 %". */
export function rate(n: number, sent: number): string {
  if (n === 0 || sent === 0) return "";
  const percent = (100 * n) / sent;
  if (percent < 0.05) return "under 0.1 % of those sent";
  return `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} % of those sent`;
}
