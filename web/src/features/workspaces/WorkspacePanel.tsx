import { Button, Stack, Textarea, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useRef } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { meQuery } from "@/features/accounts/queries";
import { FormFailure } from "@/forms/FormFailure";
import { Overtaken } from "@/forms/Overtaken";
import { useFollowing } from "@/forms/useFollowing";
import { useSubmit } from "@/forms/useSubmit";
import { useUnsaved } from "@/forms/useUnsaved";
import { Panel } from "@/ui/Panel";
import { changePostalAddress, enterMade, makeWorkspace, renameWorkspace } from "./commands";
import { workspacesQuery } from "./queries";
import { useEnterWorkspace } from "./useEnterWorkspace";

const LONGEST_NAME = LIMITS.WorkspaceBody.name.maxLength;

/** For owners: what the workspace is called. */
export function WorkspacePanel() {
  const { data: me } = useQuery(meQuery);
  return (
    <Panel title="Name" description="What its members see where they choose between workspaces.">
      {me && <NameForm name={me.workspaceName} />}
    </Panel>
  );
}

function NameForm({ name }: { name: string }) {
  const submitted = useSubmit({
    initialValues: { name },
    validate: { name: isNotEmpty("Give it a name.") },
    send: renameWorkspace,
    changes: [keys.me, keys.workspaces()],
    said: (renamed) => `The workspace is called ${renamed.name} now.`,
  });
  const { form, submit, pending, failure } = submitted;
  const isOvertaken = useFollowing(submitted, { name });
  return (
    <form onSubmit={submit} noValidate>
      <Stack maw={420}>
        <FormFailure text={failure} />
        <Overtaken now={isOvertaken ? name : null} />
        <TextInput
          label="Name of the workspace"
          maxLength={LONGEST_NAME}
          autoComplete="off"
          key={form.key("name")}
          {...form.getInputProps("name")}
        />
        <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
          Rename
        </Button>
      </Stack>
    </form>
  );
}

/** For owners: what messages end with, since some laws ask for it. */
export function PostalAddressPanel() {
  const { data: workspaces } = useQuery(workspacesQuery());
  const selected = workspaces?.find((workspace) => workspace.selected);
  return (
    <Panel
      title="Postal address"
      description="Messages of campaigns that are scheduled from now on end with it. Some laws ask for one."
    >
      {selected && <PostalAddressForm address={selected.postalAddress ?? ""} />}
    </Panel>
  );
}

function PostalAddressForm({ address }: { address: string }) {
  const submitted = useSubmit({
    initialValues: { postalAddress: address },
    send: changePostalAddress,
    changes: [keys.workspaces()],
    said: (changed) =>
      changed.postalAddress ? "Messages end with this address now." : "Messages end with no address.",
  });
  const { form, submit, pending, failure, isDirty } = submitted;
  const isOvertaken = useFollowing(submitted, { postalAddress: address });
  useUnsaved(isDirty);
  return (
    <form onSubmit={submit} noValidate>
      <Stack maw={420}>
        <FormFailure text={failure} />
        <Overtaken now={isOvertaken ? address || "none" : null} />
        <Textarea
          label="Name and address, in lines"
          description="Empty: none."
          autosize
          minRows={3}
          maxLength={LIMITS.WorkspacePatch.postalAddress.maxLength}
          autoComplete="off"
          key={form.key("postalAddress")}
          {...form.getInputProps("postalAddress")}
        />
        <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
          Save the address
        </Button>
      </Stack>
    </form>
  );
}

/** For everybody: another workspace, which is their own. */
export function NewWorkspacePanel() {
  const enter = useEnterWorkspace();
  // Where it was made and not gone to, another try makes no second one.
  const made = useRef<{ id: number; name: string; typed: string } | null>(null);
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { name: "" },
    validate: { name: isNotEmpty("Give it a name.") },
    send: async ({ name: typed }) => {
      if (made.current?.typed !== typed) made.current = { ...(await makeWorkspace(typed)), typed };
      return await enterMade(made.current);
    },
    changes: [keys.workspaces()],
    done: enter,
    said: ({ workspaceName }) => `You are in ${workspaceName} now.`,
  });
  return (
    <Panel
      title="New workspace"
      description="With campaigns, senders and members of its own. You own it, and nothing of this one is seen there."
    >
      <form onSubmit={submit} noValidate>
        <Stack maw={420}>
          <FormFailure text={failure} />
          <TextInput
            label="Name of the new workspace"
            maxLength={LONGEST_NAME}
            autoComplete="off"
            key={form.key("name")}
            {...form.getInputProps("name")}
          />
          <Button type="submit" variant="default" loading={pending} style={{ alignSelf: "flex-start" }}>
            Make it and go there
          </Button>
        </Stack>
      </form>
    </Panel>
  );
}
