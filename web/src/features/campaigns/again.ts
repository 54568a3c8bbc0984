/** To whom of a campaign, or of one of its steps, there is something to be written again. */

import type { components } from "@/api/schema";
import type { Campaign, CampaignStep } from "./queries";

export type Who = components["schemas"]["Again"]["who"];

type Known = Pick<Campaign, "counts" | "recipients" | "responses" | "steps">;

/** Of the campaign these are the recipients of its first step, who may have answered any. */
export function toWhomAgain({ counts, recipients, responses, steps }: Known, step?: CampaignStep): Who[] {
  const { FAILED: failed = 0, SENT = 0 } = counts;
  const of = step ?? steps?.[0];
  const sent = of?.sent ?? SENT;
  const answered = step ? step.answered : (responses?.replied ?? 0);
  // How many of a step failed is not told: they are among those that are neither sent nor wait.
  const mayHaveFailed = failed > 0 && (!step || step.total > step.sent + step.waiting);
  const there: Record<Who, boolean> = {
    NOT_ANSWERED: sent > (of?.answered ?? 0),
    ANSWERED: answered > 0,
    FAILED: mayHaveFailed,
    EVERYBODY: step ? step.total > step.waiting : recipients > 0,
  };
  return WHO.filter((who) => there[who]);
}

const WHO: readonly Who[] = ["NOT_ANSWERED", "ANSWERED", "FAILED", "EVERYBODY"];
