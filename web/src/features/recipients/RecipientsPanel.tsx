import { Button, Group, Stack, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { ApiProblem, sentence } from "@/api/problem";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { Panel } from "@/ui/Panel";
import { downloadAllOf, type Erased, useErasure } from "./commands";
import { ErasedNotice } from "./ErasedNotice";

/** The rights of a recipient: everything kept about them, or nothing of it any more. */
export function RecipientsPanel() {
  const [erased, setErased] = useState<{ email: string; what: Erased } | null>(null);
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { email: "" },
    validate: { email: isNotEmpty("Give the recipient's address.") },
    send: (values) => {
      setErased(null);
      return downloadAllOf(values);
    },
  });
  const [notErased, setNotErased] = useState<string | null>(null);
  const erasure = useErasure(
    (email, what) => {
      form.setValues({ email: "" });
      setErased({ email, what });
    },
    (error) => setNotErased(fieldOr(error)),
  );
  const erase = () => {
    if (form.validate().hasErrors) return;
    setNotErased(null);
    void erasure.ask(form.getValues().email.trim());
  };
  return (
    <Panel
      title="Recipients’ data"
      description="When a recipient asks what is kept about them, or wants to be forgotten (GDPR, articles 15 and 17)."
    >
      <form onSubmit={submit} noValidate>
        <Stack maw={520}>
          <FormFailure text={failure ?? notErased} />
          {erased && <ErasedNotice {...erased} />}
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
            <Button color="red.9" loading={erasure.pending} onClick={erase}>
              Erase
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  );
}

function fieldOr(error: unknown): string {
  const wrong = error instanceof ApiProblem ? error.errors.email : undefined;
  return wrong ? sentence(new Error(`the address ${wrong}`)) : sentence(error);
}
