import { Button, Group, Modal, Select, Stack, Text, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { useInfiniteQuery } from "@tanstack/react-query";
import { campaignsIn } from "@/features/campaigns/queries";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { timezone } from "@/time/format";
import { counted } from "@/ui/numbers";
import { allowMany, changedBySuppressing, type Said } from "./commands";
import { REASON } from "./words";

const OLDER = "older";

/** Ends many suppressions at once, as when a server said of all that they do not exist. */
export function AllowMany({ reason }: { reason: Said }) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button variant="default" onClick={open}>
        Allow many again
      </Button>
      <Modal opened={opened} onClose={close} title="Write to many again?">
        <Which reason={reason} done={close} />
      </Modal>
    </>
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
      why: isNotEmpty("Say why they may be written to again."),
    },
    send: (values) => allowMany(reason, values),
    changes: changedBySuppressing(),
    done,
    said: ({ removed }) =>
      `${counted(removed, "address or domain", "addresses and domains")} may be written to again.`,
  });
  const campaign = form.getInputProps("campaign");
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <Text>
          Of those whose reason is “{REASON[reason].label}”. Who said themselves that they want no more stays,
          and what was cancelled stays so.
        </Text>
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
          key={form.key("campaign")}
          {...campaign}
          onChange={(value) => {
            if (value === OLDER) void campaigns.fetchNextPage();
            else campaign.onChange(value);
          }}
        />
        <TextInput
          label="Why"
          description="The audit log keeps it, with your name."
          maxLength={200}
          autoComplete="off"
          key={form.key("why")}
          {...form.getInputProps("why")}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={done}>
            Keep them as they are
          </Button>
          <Button type="submit" loading={pending}>
            Allow again
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
