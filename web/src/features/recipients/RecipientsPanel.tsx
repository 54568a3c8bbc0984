import { Alert, Button, Group, Stack, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { IconDownload } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api, request } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";
import type { components } from "@/api/schema";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";
import { Panel } from "@/ui/Panel";

type Erased = components["schemas"]["Erased"];

/** What a recipient may ask for: everything kept about them, or nothing of it any more. */
export function RecipientsPanel() {
  const [erased, setErased] = useState<{ email: string; what: Erased } | null>(null);
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { email: "" },
    validate: { email: isNotEmpty("Give the recipient's address.") },
    send: async ({ email }) => {
      setErased(null);
      const query = new URLSearchParams({ email });
      const response = await request(new Request(`/api/recipients/export?${query}`));
      save(await response.blob(), "recipient.json");
    },
    done: () => undefined,
  });
  const erasure = useErasure(form.getValues, (email, what) => {
    form.reset();
    setErased({ email, what });
  });
  return (
    <Panel
      title="Recipients’ data"
      description="When a recipient asks what is kept about them, or wants to be forgotten (GDPR, articles 15 and 17)."
    >
      <form onSubmit={submit} noValidate>
        <Stack maw={520}>
          <FormFailure text={failure ?? erasure.failure} />
          {erased && <Outcome {...erased} />}
          <TextInput
            label="The recipient's address"
            type="email"
            autoComplete="off"
            key={form.key("email")}
            {...form.getInputProps("email")}
          />
          <Group>
            <Button type="submit" loading={pending} leftSection={<IconDownload size={16} aria-hidden />}>
              Download everything kept
            </Button>
            <Button
              color="red.9"
              loading={erasure.pending}
              onClick={() => !form.validate().hasErrors && erasure.ask()}
            >
              Erase
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}

function useErasure(values: () => { email: string }, done: (email: string, what: Erased) => void) {
  const [pending, setPending] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const queries = useQueryClient();
  const ask = async () => {
    const email = values().email.trim();
    const sure = await confirm({
      title: `Erase ${email}?`,
      children:
        "The address, its fields and its messages go from all your campaigns, and what waits for it is cancelled. The counts stay. That cannot be undone.",
      confirm: "Erase for good",
    });
    if (!sure) return;
    setPending(true);
    setFailure(null);
    try {
      const erased = await answer(api.POST("/api/recipients/erase", { body: { email } }));
      // What the page read of a draft's recipients may have the address in it.
      for (const queryKey of [keys.lists.all, keys.draft.all]) queries.removeQueries({ queryKey });
      done(email, erased);
    } catch (error) {
      setFailure(fieldOr(error));
    } finally {
      setPending(false);
    }
  };
  return { ask, pending, failure };
}

function Outcome({ email, what }: { email: string; what: Erased }) {
  return (
    <Alert color={what.beingSent > 0 ? "orange" : "petrol"} role="status" title={`${email} is erased`}>
      {counted(what.emails, "email")} without an address now, {counted(what.cancelled, "email")} cancelled,{" "}
      {counted(what.sandboxMessages, "message")} gone from the sandbox, {counted(what.lists, "list")} of
      drafts removed.
      {what.beingSent > 0 &&
        ` ${counted(what.beingSent, "email")} is at a mail server this moment: erase once more in a minute.`}
    </Alert>
  );
}

function fieldOr(error: unknown): string {
  const wrong = error instanceof ApiProblem ? error.errors.email : undefined;
  return wrong ? sentence(new Error(`the address ${wrong}`)) : sentence(error);
}

function save(blob: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
