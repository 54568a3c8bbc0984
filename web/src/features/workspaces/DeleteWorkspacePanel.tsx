import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/features/accounts/queries";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { Panel } from "@/ui/Panel";
import { deleteWorkspace } from "./commands";
import { useEnterWorkspace } from "./useEnterWorkspace";

/** For owners: the workspace goes, for everybody. */
export function DeleteWorkspacePanel() {
  const { data: me } = useQuery(meQuery);
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <Panel
      title="Delete this workspace"
      description="For good, and for all of its members. Its campaigns have to be over first, and your last workspace stays."
    >
      <Button variant="default" onClick={open} style={{ alignSelf: "flex-start" }}>
        Delete the workspace
      </Button>
      <Modal opened={opened} onClose={close} title="Delete this workspace?">
        {me && <DeleteForm name={me.workspaceName} cancel={close} />}
      </Modal>
    </Panel>
  );
}

function DeleteForm({ name, cancel }: { name: string; cancel: () => void }) {
  const enter = useEnterWorkspace();
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { typed: "" },
    validate: { typed: (typed) => (typed.trim() === name ? null : `Type “${name}” to delete it.`) },
    send: deleteWorkspace,
    done: enter,
    said: () => `${name} is deleted.`,
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <Text>
          Its campaigns and emails, senders, lists, sandbox mail, API keys, webhooks and audit log go for
          good. Nobody is in <strong style={{ overflowWrap: "anywhere" }}>{name}</strong> any more, and its
          keys open nothing. That cannot be undone.
        </Text>
        <TextInput
          label="Name of the workspace, to be sure"
          description={`Type “${name}”.`}
          autoComplete="off"
          data-autofocus
          key={form.key("typed")}
          {...form.getInputProps("typed")}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={cancel}>
            Keep it as it is
          </Button>
          <Button type="submit" color="red.9" loading={pending}>
            Delete for good
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
