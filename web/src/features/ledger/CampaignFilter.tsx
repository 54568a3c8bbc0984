import { type ComboboxParsedItem, Select } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { campaignIfAny, campaignsIn } from "@/features/campaigns/queries";
import classes from "./EmailFilters.module.css";

interface Props {
  value: number | undefined;
  onChange: (value: number | undefined) => void;
}

const OLDER = "older";

/** Of which campaign. */
export function CampaignFilter({ value, onChange }: Props) {
  const campaigns = useInfiniteQuery(campaignsIn(null));
  const { data: chosen } = useQuery(campaignIfAny(value));
  const options = new Map<string, string>();
  if (chosen) options.set(`${chosen.id}`, chosen.name);
  for (const page of campaigns.data?.pages ?? []) {
    for (const campaign of page.items) options.set(`${campaign.id}`, campaign.name);
  }
  const data = [...options].map(([value, label]) => ({ value, label }));
  if (campaigns.hasNextPage) data.push({ value: OLDER, label: "Load older campaigns…" });
  return (
    <Select
      className={classes.select ?? ""}
      aria-label="Campaign"
      placeholder="All campaigns"
      data={data}
      value={value === undefined ? null : `${value}`}
      onChange={(picked) =>
        picked === OLDER
          ? void campaigns.fetchNextPage()
          : onChange(picked === null ? undefined : Number(picked))
      }
      searchable
      clearable
      filter={matching}
      nothingFoundMessage="No campaign is called that"
      clearButtonProps={{ "aria-label": "All campaigns" }}
    />
  );
}

/** Of what has been read, and always the way to what has not. */
function matching({ options, search }: { options: ComboboxParsedItem[]; search: string }) {
  const sought = search.trim().toLowerCase();
  return options.filter(
    (option) => "value" in option && (option.value === OLDER || option.label.toLowerCase().includes(sought)),
  );
}
