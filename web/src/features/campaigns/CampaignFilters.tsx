import { Box, Checkbox, Group, Select } from "@mantine/core";
import { SenderFilter } from "@/features/ledger/SenderFilter";
import { SearchField } from "@/ui/SearchField";
import type { CampaignOrder, CampaignsSearch } from "./search";

interface Props {
  search: CampaignsSearch;
  onChange: (patch: Partial<CampaignsSearch>) => void;
}

const ORDERS: { value: CampaignOrder | "newest"; label: string }[] = [
  { value: "newest", label: "Newest first" },
  { value: "oldest", label: "Oldest first" },
  { value: "name", label: "By name" },
];

/** Over the list of campaigns: which, in what order, and how much of each. */
export function CampaignFilters({ search, onChange }: Props) {
  const { q, senderId, order = "newest", archived, compact } = search;
  return (
    <search>
      <Group gap="sm">
        <Box flex="1 1 180px">
          <SearchField label="Search campaigns" value={q} onChange={(q) => onChange({ q })} />
        </Box>
        <SenderFilter value={senderId} onChange={(senderId) => onChange({ senderId })} />
        <Select
          aria-label="Order"
          w={150}
          data={ORDERS}
          value={order}
          allowDeselect={false}
          onChange={(value) =>
            onChange({ order: value === "oldest" || value === "name" ? value : undefined })
          }
        />
        <Group gap="sm" wrap="nowrap">
          <Checkbox
            label="Compact"
            checked={compact ?? false}
            onChange={(event) => onChange({ compact: event.currentTarget.checked || undefined })}
          />
          <Checkbox
            label="Archived"
            checked={archived ?? false}
            onChange={(event) => onChange({ archived: event.currentTarget.checked || undefined })}
          />
        </Group>
      </Group>
    </search>
  );
}
