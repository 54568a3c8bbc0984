import { Button, MultiSelect, NumberInput, Stack } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { useState } from "react";
import { campaignIfAny, campaignsIn } from "@/features/campaigns/queries";
import type { Audience } from "../draft/draft";
import type { Errors } from "../draft/errors";

interface Props {
  audience: Audience;
  onChange: (part: Partial<Audience>) => void;
  errors: Errors;
}

/** Whether to leave out those of the list whom something went to before. */
export function EarlierFields({ audience, onChange, errors }: Props) {
  const { notDays, notIn } = audience;
  const [opened, setOpened] = useState(false);
  if (!opened && notDays === null && notIn.length === 0) {
    return (
      <Button
        variant="subtle"
        size="compact-sm"
        leftSection={<IconHistory size={14} aria-hidden />}
        style={{ alignSelf: "flex-start" }}
        onClick={() => setOpened(true)}
      >
        Leave out who was written to before
      </Button>
    );
  }
  return (
    <Stack gap="sm">
      <NumberInput
        label="Not if written to in the last … days"
        description="By any campaign of the workspace. Empty: it does not matter when."
        min={1}
        allowDecimal={false}
        allowLeadingZeros={false}
        hideControls
        value={notDays ?? ""}
        onChange={(value) => onChange({ notDays: typeof value === "number" ? value : null })}
        error={errors.notDays}
      />
      <CampaignsField value={notIn} onChange={(notIn) => onChange({ notIn })} error={errors.notIn} />
    </Stack>
  );
}

interface FieldProps {
  value: number[];
  onChange: (value: number[]) => void;
  error: string | undefined;
}

const OLDER = "older";

function CampaignsField({ value, onChange, error }: FieldProps) {
  const campaigns = useInfiniteQuery(campaignsIn(null));
  const chosen = useQueries({ queries: value.map((id) => campaignIfAny(id)) });
  const names = new Map<string, string>();
  for (const { data } of chosen) if (data) names.set(`${data.id}`, data.name);
  for (const { items } of campaigns.data?.pages ?? [])
    for (const { id, name } of items) names.set(`${id}`, name);
  for (const id of value) if (!names.has(`${id}`)) names.set(`${id}`, `Campaign ${id}`);
  const data = [...names].map(([value, label]) => ({ value, label }));
  if (campaigns.hasNextPage) data.push({ value: OLDER, label: "Load older campaigns…" });
  return (
    <MultiSelect
      label="Not if among the recipients of"
      description="Whatever became of the email there."
      placeholder={value.length > 0 ? "" : "Choose campaigns"}
      data={data}
      value={value.map(String)}
      onChange={(picked) =>
        picked.includes(OLDER) ? void campaigns.fetchNextPage() : onChange(picked.map(Number))
      }
      searchable
      hidePickedOptions
      nothingFoundMessage="No campaign is called that"
      error={error}
    />
  );
}
