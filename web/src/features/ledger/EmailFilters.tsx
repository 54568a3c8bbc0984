import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { addressOf } from "@/api/client";
import { SearchField } from "@/ui/SearchField";
import { CampaignFilter } from "./CampaignFilter";
import { useDownload } from "./commands";
import classes from "./EmailFilters.module.css";
import type { EmailFilter } from "./queries";
import { SenderFilter } from "./SenderFilter";
import { type EmailSearch, exportPath } from "./search";

interface Props {
  search: EmailSearch;
  onChange: (patch: Partial<EmailSearch>) => void;
  /** The filters of the list: the search and what the page adds to it. */
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
      <div className={classes.downloads}>
        <CsvButton label="CSV" path={exportPath(filter as EmailSearch)} />
        <CsvButton label="Recipients" path={exportPath(filter as EmailSearch, "list")} />
      </div>
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
