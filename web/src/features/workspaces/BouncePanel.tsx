import { Button, NumberInput, Stack, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { FormFailure } from "@/forms/FormFailure";
import { Overtaken } from "@/forms/Overtaken";
import { useFollowing } from "@/forms/useFollowing";
import { useSubmit } from "@/forms/useSubmit";
import { Panel } from "@/ui/Panel";
import { setBounceLimit } from "./commands";
import { workspacesQuery } from "./queries";

const { bounceLimit: PERCENT } = LIMITS.WorkspacePatch;
const USUAL = 5;

/** For owners: when campaigns to addresses that do not exist pause themselves. */
export function BouncePanel() {
  const { data } = useQuery(workspacesQuery());
  const workspace = data?.find(({ selected }) => selected);
  return (
    <Panel
      title="Addresses that do not exist"
      description="Who writes to many of them is soon taken for a sender of spam. A campaign that does pauses itself, once 50 of its emails have gone."
    >
      {workspace && <Form limit={workspace.bounceLimit} />}
    </Panel>
  );
}

function Form({ limit }: { limit: number | null }) {
  const server = { pauses: limit !== null, percent: limit ?? USUAL };
  const submitted = useSubmit({
    initialValues: server,
    send: ({ pauses, percent }) => setBounceLimit(pauses ? percent : null),
    changes: [keys.workspaces()],
    names: { bounceLimit: "percent" },
    said: ({ bounceLimit }) =>
      bounceLimit === null
        ? "Campaigns no longer pause themselves for that."
        : `Campaigns pause themselves beyond ${bounceLimit} %.`,
  });
  const { form, submit, pending, failure } = submitted;
  const isOvertaken = useFollowing(submitted, server);
  return (
    <form onSubmit={submit} noValidate>
      <Stack maw={420}>
        <FormFailure text={failure} />
        <Overtaken now={isOvertaken ? (limit === null ? "no pause" : `a pause beyond ${limit} %`) : null} />
        <Switch
          label="Pause such campaigns"
          key={form.key("pauses")}
          {...form.getInputProps("pauses", { type: "checkbox" })}
        />
        <NumberInput
          label="Beyond"
          description="Of a hundred emails that have gone."
          {...PERCENT}
          suffix=" %"
          allowDecimal={false}
          hideControls
          w={170}
          key={form.key("percent")}
          {...form.getInputProps("percent")}
        />
        <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
          Save
        </Button>
      </Stack>
    </form>
  );
}
