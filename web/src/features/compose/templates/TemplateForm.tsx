import { Button, Group, Stack, TextInput } from "@mantine/core";
import { useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";
import type { components } from "@/api/schema";
import { BeginAnew } from "@/forms/BeginAnew";
import { FormFailure } from "@/forms/FormFailure";
import { useCommand } from "@/forms/useCommand";
import { useUnsaved } from "@/forms/useUnsaved";
import { ContentFields } from "../content/ContentFields";
import { contentOf, keptOf } from "../content/kept";
import { below, errorsOf } from "../draft/errors";
import { changeTemplate, keepTemplate } from "./commands";

type Template = components["schemas"]["Template"];

interface Props {
  /** undefined: a new one. */
  template: Template | undefined;
  mayChange: boolean;
  done: () => void;
  /** Begins with what is kept by now. */
  beginAnew: () => Promise<unknown>;
}

const NONE = { subject: "", body: "", bodyHtml: null, language: null };

/** A kept text, written anew or changed. */
export function TemplateForm({ template, mayChange, done, beginAnew }: Props) {
  const [begun] = useState(template); // somebody else may save it while it is written here
  const [name, setName] = useState(template?.name ?? "");
  const [content, setContent] = useState(() => contentOf(template ?? NONE));
  const isChanged = useRef(false);
  const saving = useCommand({
    run: (body: Parameters<typeof keepTemplate>[0]) =>
      begun ? changeTemplate(begun, body) : keepTemplate(body),
    changes: [keys.templates.all()],
    done: () => {
      isChanged.current = false;
      done();
    },
    said: () => "The template is kept.",
    failed: () => undefined, // it is said in the form
  });
  useUnsaved(() => isChanged.current);
  const { errors, isPlaced } = errorsOf(saving.error);
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void saving.run({ ...keptOf(content), name: name.trim() });
      }}
    >
      <fieldset disabled={!mayChange} style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
        <Stack>
          <TextInput
            label="Name"
            value={name}
            maxLength={LIMITS.TemplateBody.name.maxLength}
            data-autofocus
            onChange={(event) => {
              setName(event.currentTarget.value);
              isChanged.current = true;
            }}
            error={errors.name}
          />
          <ContentFields
            content={content}
            onChange={(part) => {
              setContent((before) => ({ ...before, ...part }));
              isChanged.current = true;
            }}
            fields={[]}
            errors={below(errors, "steps[0].content")}
          />
          <FormFailure text={saving.error && !isPlaced ? sentence(saving.error) : null} />
          <BeginAnew error={saving.error} begin={beginAnew} />
          {mayChange && (
            <Group justify="flex-end">
              <Button variant="default" onClick={done}>
                Cancel
              </Button>
              <Button type="submit" loading={saving.pending} disabled={!name.trim()}>
                Keep the template
              </Button>
            </Group>
          )}
        </Stack>
      </fieldset>
    </form>
  );
}
