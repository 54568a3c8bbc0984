import { Select, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { campaignsIn } from "@/features/campaigns/queries";
import { useSubmit } from "@/forms/useSubmit";
import { timezone } from "@/time/format";
import { counted } from "@/ui/numbers";
import { AllowButton, AllowForm, isSaid } from "./AllowForm";
import { allowMany, changedBySuppressing, type Said } from "./commands";
import { REASON } from "./words";

const OLDER = "older";

/** Ends many suppressions at once, as when a server said of all that they do not exist. */
export function AllowMany({ reason }: { reason: Said }) {
  return (
    <AllowButton title="Write to many again?" form={(done) => <Which reason={reason} done={done} />}>
      Allow many again
    </AllowButton>
  );
}

function Which({ reason, done }: { reason: Said; done: () => void }) {
  const campaigns = useInfiniteQuery(campaignsIn(null));
  const options = (campaigns.data?.pages ?? []).flatMap(({ items }) =>
    items.map(({ id, name }) => ({ value: `${id}`, label: `${name} (${id})` })),
  );
  if (campaigns.hasNextPage) options.push({ value: OLDER, label: "Load older campaigns…" });
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { since: "", campaign: null as string | null, why: "" },
    validate: {
      since: (since, { campaign }) => (since || campaign ? null : "Say since when, or of which campaign."),
      why: isSaid,
    },
    send: (values) => allowMany(reason, values),
    changes: changedBySuppressing(),
    names: { campaignId: "campaign" },
    done,
    said: ({ removed }) =>
      `${counted(removed, "address or domain", "addresses and domains")} may be written to again.`,
  });
  const [chosen, setChosen] = useState<string | null>(null); // as shown: to load more is no choice
  const text = `Of those whose reason is “${REASON[reason].label}”. Who said themselves that they want no more stays, and what was cancelled stays so.`;
  return (
    <AllowForm {...{ text, form, submit, pending, failure, done }} keep="Keep them as they are">
      <TextInput
        label="Since"
        type="datetime-local"
        description={`Your time, ${timezone}`}
        key={form.key("since")}
        {...form.getInputProps("since")}
      />
      <Select
        label="Of the campaign"
        placeholder="Any"
        data={options}
        searchable
        clearable
        clearButtonProps={{ "aria-label": "Any campaign" }}
        error={form.errors.campaign}
        data-path="campaign"
        value={chosen}
        onChange={(value) => {
          if (value === OLDER) return void campaigns.fetchNextPage();
          setChosen(value);
          form.setFieldValue("campaign", value);
        }}
      />
    </AllowForm>
  );
}
