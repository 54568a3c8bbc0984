import { Button, FileInput, Group, Stack, Textarea, TextInput } from "@mantine/core";
import { IconFileSpreadsheet } from "@tabler/icons-react";
import { type Ref, useImperativeHandle, useState } from "react";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { type Added, addedWords, changedBySuppressing, suppressFile, suppressTyped } from "./commands";

interface Props {
  done: (added: Added) => void;
  cancel: () => void;
  /** For what is around the form: whether closing it would lose something. */
  unsaved: Ref<() => boolean>;
}

/** Addresses and domains to write to no more: typed, pasted or from a file. */
export function AddForm({ done, cancel, unsaved }: Props) {
  const [file, setFile] = useState<File | null>(null);
  const { form, submit, pending, failure, isDirty } = useSubmit({
    initialValues: { names: "", note: "" },
    validate: {
      names: (names) => {
        if (!names.trim() && !file) return "Give addresses or domains, or choose a file.";
        return names.trim() && file ? "Not both at once: take the text away, or the file." : null;
      },
    },
    send: ({ names, note }) => (file ? suppressFile(file, note) : suppressTyped(names, note)),
    changes: changedBySuppressing(),
    done,
    said: addedWords,
  });
  useImperativeHandle(unsaved, () => isDirty);
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <Textarea
          label="Addresses and domains"
          description="One a line or with commas between. A domain (example.com) stands for all of its addresses, and those of the domains below it."
          rows={7}
          spellCheck={false}
          data-autofocus
          key={form.key("names")}
          {...form.getInputProps("names")}
        />
        <FileInput
          label="Or a file"
          description="CSV or Excel, with a column of addresses; *@example.com is a domain."
          placeholder="Choose a file"
          accept=".csv,.tsv,.txt,.xlsx,.xls,.ods"
          leftSection={<IconFileSpreadsheet size={16} aria-hidden />}
          clearable
          clearButtonProps={{ "aria-label": "No file" }}
          value={file}
          onChange={(chosen) => {
            setFile(chosen);
            form.clearFieldError("names");
          }}
        />
        <TextInput
          label="Note"
          description="For you and your colleagues: how you know. May stay empty."
          autoComplete="off"
          key={form.key("note")}
          {...form.getInputProps("note")}
        />
        <Group>
          <Button type="submit" loading={pending}>
            Send them nothing more
          </Button>
          <Button variant="default" onClick={cancel}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
