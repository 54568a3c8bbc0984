/** A sender's limits and what they leave, in words. */

import { duration } from "@/time/format";
import { count, counted } from "@/ui/numbers";
import type { Sender } from "./queries";

type Limits = Pick<Sender, "dailyLimit" | "leastGapSeconds">;
type Left = Pick<Sender, "leftThisHour" | "leftToday">;
type Ramp = Pick<Sender, "rampUp" | "rampToday" | "dailyLimit">;

/** "40 a day, at least 10 min apart"; "" where there is none. */
export function limitsInWords({ dailyLimit, leastGapSeconds }: Limits): string {
  return [
    dailyLimit !== null && `${count(dailyLimit)} a day`,
    leastGapSeconds !== null && `at least ${duration(leastGapSeconds * 1000)} apart`,
  ]
    .filter(Boolean)
    .join(", ");
}

/** How many more may go; a limit of the day may leave less than that of the hour. */
export function leftInWords({ leftThisHour, leftToday }: Left): string {
  const left = leftToday === null ? "" : `, ${count(leftToday)} today`;
  return `Room for ${counted(leftThisHour, "more email")} this hour${left}.`;
}

/** How far a ramp has come: with each day on which something is sent it allows more, until a limit is lower. */
export function rampInWords({ rampUp, rampToday, dailyLimit }: Ramp): string | null {
  if (rampUp === null || rampToday === null) return null;
  if (dailyLimit !== null && rampToday >= dailyLimit)
    return "Its slow beginning is over: the limit of the day holds.";
  return `It begins slowly: ${count(rampToday)} today, ${count(rampUp.perDay)} more after each day on which it sends.`;
}
