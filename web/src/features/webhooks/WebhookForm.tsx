import { Button, Checkbox, Group, Stack, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { changesOf } from "@/forms/changes";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { useUnsaved } from "@/forms/useUnsaved";
import { addWebhook, changeWebhook } from "./commands";
import type { Webhook } from "./queries";
import { EVENTS } from "./words";

/** However they were ticked. */
const inOrder = (events: Webhook["events"]) =>
  EVENTS.map(({ value }) => value).filter((event) => events.includes(event));

interface Props {
  /** The one to change; undefined for a new one. */
  webhook?: Webhook;
  done: (webhook: Webhook) => void;
  cancel: () => void;
}

export function WebhookForm({ webhook, done, cancel }: Props) {
  // As the form began: what somebody else changes meanwhile is not to be changed back.
  const [before] = useState({
    url: webhook?.url ?? "",
    description: webhook?.description ?? "",
    events: inOrder(webhook?.events ?? EVENTS.map(({ value }) => value)),
  });
  const { form, submit, pending, failure, isDirty } = useSubmit({
    initialValues: before,
    validate: {
      url: isNotEmpty("Give the address to be told."),
      events: (events) => (events.length > 0 ? null : "Choose what it is to be told."),
    },
    send: (values) => {
      const body = { ...values, events: inOrder(values.events) };
      return webhook ? changeWebhook(webhook.id, changesOf(before, body)) : addWebhook(body);
    },
    changes: [keys.webhooks.all()],
    done,
  });
  const leave = useUnsaved(isDirty);
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <TextInput
          label="URL"
          placeholder="https://example.com/hooks/reachinbox"
          autoComplete="off"
          spellCheck={false}
          key={form.key("url")}
          {...form.getInputProps("url")}
        />
        <TextInput
          label="Description"
          maxLength={LIMITS.WebhookBody.description.maxLength}
          description="For you. May stay empty."
          autoComplete="off"
          key={form.key("description")}
          {...form.getInputProps("description")}
        />
        <Checkbox.Group label="What it is told" key={form.key("events")} {...form.getInputProps("events")}>
          <Stack gap={8} mt={4}>
            {EVENTS.map(({ value, label }) => (
              <Checkbox key={value} value={value} label={label} description={value} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Group>
          <Button type="submit" loading={pending}>
            {webhook ? "Save" : "Add"}
          </Button>
          <Button variant="default" onClick={() => void leave(cancel)}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
