import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { allowAgain, changedBySuppressing } from "./commands";
import type { Suppression } from "./queries";
import { isOwnWish, nameOf } from "./words";

/** Ends a suppression, after asking why. */
export function AllowAgain({ suppression }: { suppression: Suppression }) {
  const [opened, { open, close }] = useDisclosure(false);
  const name = nameOf(suppression);
  return (
    <>
      <Button variant="default" size="compact-sm" onClick={open} aria-label={`Allow again: ${name}`}>
        Allow again
      </Button>
      <Modal opened={opened} onClose={close} title={`Write to ${name} again?`}>
        <Why suppression={suppression} done={close} />
      </Modal>
    </>
  );
}

function Why({ suppression, done }: { suppression: Suppression; done: () => void }) {
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { why: "" },
    validate: { why: isNotEmpty("Say why they may be written to again.") },
    send: ({ why }) => allowAgain(suppression, why),
    changes: changedBySuppressing(),
    done,
    said: () => `${nameOf(suppression)} may be written to again.`,
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <Text>
          {isOwnWish(suppression.reason) && "They said themselves that they want no more. "}
          Campaigns may write to them from now on. What was cancelled stays so.
        </Text>
        <TextInput
          label="Why"
          description="The audit log keeps it, with your name."
          maxLength={200}
          autoComplete="off"
          data-autofocus
          key={form.key("why")}
          {...form.getInputProps("why")}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={done}>
            Keep it as it is
          </Button>
          <Button type="submit" loading={pending}>
            Allow again
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
