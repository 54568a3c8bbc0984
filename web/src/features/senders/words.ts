/** Sentences about what holds a sender back. */

import { sentence } from "@/api/problem";
import { localTime } from "@/time/format";
import type { Sender } from "./queries";

export interface HoldUp {
  text: string;
  /** `trouble`: somebody should look at it. */
  kind: "wait" | "trouble";
}

/** The hold of the sender with all its campaigns: its server's words, or that its server was not to be had. */
export function senderHeldUp(sender: Sender | undefined, now: Date): HoldUp | null {
  if (!sender) return null;
  const { email, held, blockedUntil, blockReason } = sender;
  if (held || blockedUntil === null || new Date(blockedUntil) <= now) {
    return heldUp(`${email} is held back`, held, now);
  }
  const text = `${email} is held back until ${localTime(new Date(blockedUntil), now)}, then it is tried again.`;
  return { text: blockReason ? `${text} ${sentence(blockReason)}` : text, kind: "trouble" };
}

function heldUp(who: string, held: Sender["held"], now: Date): HoldUp | null {
  if (!held) return null;
  const why =
    held.reason === "REFUSED" ? "its server refuses email after email" : "its server takes no more for now";
  const probe = new Date(held.probeAt);
  const next = probe > now ? `The next try is at ${localTime(probe, now)}.` : "The next try is due.";
  return {
    text: `${who}: ${why}. ${next} ${sentence(held.words)}`,
    kind: held.reason === "REFUSED" ? "trouble" : "wait",
  };
}
