import { LIMITS } from "@/api/constants";

/** A text as a name, cut as the API counts: half of an emoji is no character, and is refused. */
export const asName = (text: string): string =>
  [...text].slice(0, LIMITS.CampaignPatch.name.maxLength).join("");
