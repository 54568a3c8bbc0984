import { idIn } from "@/ui/searchParams";

/** The beginning of the draft: a template or a campaign, by its id; and the list that it goes to. */
export const composeSearch = (
  search: Record<string, unknown>,
): { template?: number; campaign?: number; list?: number } => {
  const template = idIn(search.template);
  const campaign = idIn(search.campaign);
  const list = idIn(search.list);
  return {
    ...(template !== undefined && { template }),
    ...(campaign !== undefined && { campaign }),
    ...(list !== undefined && { list }),
  };
};
