import { Button, type ComboboxParsedItem, Select } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { addressOf } from "@/api/client";
import { campaignIfAny, campaignsIn } from "@/features/campaigns/queries";
import { sendersQuery } from "@/features/senders/queries";
import { SearchField } from "@/ui/SearchField";
import { useDownload } from "./commands";
import classes from "./EmailFilters.module.css";
import type { EmailFilter } from "./queries";
import { type EmailSearch, exportPath } from "./search";

interface Props {
  search: EmailSearch;
  onChange: (patch: Partial<EmailSearch>) => void;
  /** What is listed: the search and what the page adds to it. */
  filter: EmailFilter;
  /** On a campaign's own page only the recipient is searched for. */
  only?: "recipient";
}

/** Over a list of emails: whose, of which campaign, from which sender; and the same list as CSV. */
export function EmailFilters({ search, onChange, filter, only }: Props) {
  return (
    <search className={classes.row}>
      <SearchField
        label="Search recipients"
        className={classes.text}
        value={search.q}
        onChange={(q) => onChange({ q })}
      />
      {!only && (
        <CampaignFilter value={search.campaignId} onChange={(campaignId) => onChange({ campaignId })} />
      )}
      {!only && <SenderFilter value={search.senderId} onChange={(senderId) => onChange({ senderId })} />}
      <CsvButton label="CSV" path={exportPath(filter as EmailSearch)} />
      <CsvButton label="Recipients" path={exportPath(filter as EmailSearch, "list")} />
    </search>
  );
}

function CsvButton({ label, path }: { label: string; path: string }) {
  const { run, pending } = useDownload(path);
  return (
    <Button
      component="a"
      href={addressOf(path)}
      download
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
      loading={pending}
      onClick={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      {label}
    </Button>
  );
}

interface FilterProps<T> {
  value: T | undefined;
  onChange: (value: T | undefined) => void;
}

const OLDER = "older";

function CampaignFilter({ value, onChange }: FilterProps<number>) {
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

function SenderFilter({ value, onChange }: FilterProps<number>) {
  const { data } = useQuery(sendersQuery());
  const senders = data?.items ?? [];
  if (senders.length < 2 && value === undefined) return null;
  return (
    <Select
      className={classes.select ?? ""}
      aria-label="Sender"
      placeholder="All senders"
      data={senders.map((sender) => ({ value: `${sender.id}`, label: sender.email }))}
      value={value === undefined ? null : `${value}`}
      onChange={(picked) => onChange(picked === null ? undefined : Number(picked))}
      searchable
      clearable
      nothingFoundMessage="No sender is called that"
      clearButtonProps={{ "aria-label": "All senders" }}
    />
  );
}
