/** Sentences of the sheet before a campaign is scheduled. */

import { waitWords } from "@/features/campaigns/wait";
import { counted } from "@/ui/numbers";
import type { Step } from "../draft/draft";
import { durationOf } from "../draft/wait";
import type { Plan } from "../queries";

/** Sentences on recipients who have nothing for a field that the text uses, one for each field. */
export function blankSentences(lacking: Plan["lacking"]): string[] {
  return lacking.map(({ field, recipients, required, ifBlank }) => {
    const who = `${counted(recipients, "recipient has", "recipients have")} no ${field}: `;
    if (ifBlank?.do === "write") return `${who}“${ifBlank.text}” is written instead.`;
    if (ifBlank?.do === "send") return `${who}nothing is written there.`;
    return who + (required ? "left out." : "the text's own default is written.");
  });
}

/** The steps after the first email, and when they go. */
export function followUpSentence(later: readonly Step[]): string {
  const waits = later.map(({ wait, timeOfDay }) => {
    const asked = durationOf(wait);
    return waitWords(asked.wait, asked.businessDays) + (timeOfDay ? ` at ${timeOfDay}` : "");
  });
  return `To whoever has not answered: ${waits.map((wait) => `after ${wait}`).join(", then ")}.`;
}
