import { Button, Group, Stack, Textarea, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { type Ref, useImperativeHandle, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { saveList } from "./commands";
import type { SavedList } from "./queries";

interface Props {
  /** The one to change; undefined for a new one. */
  list: SavedList | undefined;
  done: () => unknown;
  cancel: () => void;
  /** For what is around the form: whether closing it would lose something. */
  unsaved: Ref<() => boolean>;
}

/** The name of a list, what it is for and where its addresses come from. */
export function SavedListForm({ list: shown, done, cancel, unsaved }: Props) {
  const [list] = useState(shown); // as the form began
  const { form, submit, pending, failure, isDirty } = useSubmit({
    initialValues: { name: list?.name ?? "", purpose: list?.purpose ?? "", source: list?.source ?? "" },
    validate: { name: isNotEmpty("Give the list a name.") },
    send: (values) => saveList(list, values),
    changes: [keys.savedLists.all()],
    done,
    said: ({ name }) => (list ? `${name} is saved.` : `${name} is there. Add a file to it next.`),
  });
  useImperativeHandle(unsaved, () => isDirty);
  const field = (name: string) => ({ key: form.key(name), ...form.getInputProps(name) });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <TextInput label="Name" maxLength={LIMITS.NewSavedList.name.maxLength} {...field("name")} />
        <Textarea
          label="What the addresses are kept for"
          description="Told to whoever asks what is kept about them (GDPR, articles 13 and 14)."
          autosize
          minRows={2}
          {...field("purpose")}
        />
        <Textarea
          label="Where they come from"
          description="A form on your site, orders, a fair: what you would answer if asked."
          autosize
          minRows={2}
          {...field("source")}
        />
        <Group>
          <Button type="submit" loading={pending}>
            Save
          </Button>
          <Button variant="default" onClick={cancel}>
            Cancel
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
