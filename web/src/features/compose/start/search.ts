import { idIn } from "@/ui/searchParams";

/** What the draft is to begin as: a template or a campaign, by its id. */
export const composeSearch = (search: Record<string, unknown>): { template?: number; campaign?: number } => {
  const template = idIn(search.template);
  const campaign = idIn(search.campaign);
  return { ...(template === undefined ? {} : { template }), ...(campaign === undefined ? {} : { campaign }) };
};
