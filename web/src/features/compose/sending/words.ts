/** What the sheet says before a campaign is scheduled. */

import { counted } from "@/ui/numbers";
import type { Plan } from "../queries";

/** What becomes of recipients who have nothing for a field that the text uses, a sentence for each field. */
export function blankSentences(lacking: Plan["lacking"]): string[] {
  return lacking.map(({ field, recipients, required, ifBlank }) => {
    const who = `${counted(recipients, "recipient has", "recipients have")} no ${field}: `;
    if (ifBlank?.do === "write") return `${who}“${ifBlank.text}” is written instead.`;
    if (ifBlank?.do === "send") return `${who}nothing is written there.`;
    return who + (required ? "left out." : "the text's own default is written.");
  });
}
