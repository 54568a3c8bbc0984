import { Button, Group, SegmentedControl, Skeleton, Stack, Text, Textarea, TextInput } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconCornerUpLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import { randomKey } from "@/api/randomKey";
import type { Response } from "@/features/inbound/queries";
import { useRoom } from "@/features/richText/room";
import { sendersQuery } from "@/features/senders/queries";
import { useMay } from "@/features/workspaces/useMay";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { useUnsaved } from "@/forms/useUnsaved";
import { confirm } from "@/ui/confirm";
import { lazyPart } from "@/ui/lazyPart";
import { Part } from "@/ui/Part";
import { type Answer, sendAnswer } from "./commands";
import { asPlain, asRich } from "./kindOfText";
import classes from "./Replies.module.css";

const RichBody = lazyPart(() => import("@/features/richText/RichBody"), "RichBody");

/** A person's message is answered here, by a button or by r. */
export function AnswerForm({ response }: { response: Response }) {
  const [open, setOpen] = useState(false);
  const maySend = useMay("member");
  const isPersons = response.kind !== "BOUNCE" && response.kind !== "COMPLAINT";
  useHotkeys([["r", () => setOpen(maySend && isPersons)]]);
  if (!maySend || !isPersons) return null;
  if (open) return <Form response={response} close={() => setOpen(false)} />;
  return (
    <Button leftSection={<IconCornerUpLeft size={16} aria-hidden />} onClick={() => setOpen(true)}>
      Answer
    </Button>
  );
}

const PARTS = [
  { value: "plain", label: "Plain" },
  { value: "rich", label: "Rich" },
];

function Form({ response, close }: { response: Response; close: () => void }) {
  const { data: senders } = useQuery(sendersQuery());
  const [rich, setRich] = useState(false);
  const insert = useRef<((text: string) => void) | null>(null);
  // An answer that is tried again, since nobody knows whether it arrived, goes out once; another answer is another.
  const tried = useRef({ print: "", key: "" });
  const keyOf = (answer: Answer) => {
    const print = JSON.stringify(answer);
    if (print !== tried.current.print) tried.current = { print, key: randomKey() };
    return tried.current.key;
  };
  const { form, submit, pending, failure, isDirty } = useSubmit({
    initialValues: { subject: "", body: "", bodyHtml: "" },
    send: ({ subject, body, bodyHtml }) =>
      sendOrAsk(response, keyOf, {
        ...(subject.trim() && { subject }),
        ...(rich ? { body: "", bodyHtml } : { body }),
        despiteSuppression: false,
      }),
    changes: [keys.responses.all()],
    done: close,
    names: rich ? { body: "bodyHtml" } : {}, // the one that is on the page
    said: ({ recipient }) => `On its way to ${recipient}.`,
  });
  const leave = useUnsaved(isDirty);
  const room = useRoom(LIMITS.AnswerBody.body.maxLength);
  const body = form.getInputProps("body");
  const onKind = (part: string) => {
    const change = part === "rich" ? asRich : asPlain;
    for (const [name, text] of Object.entries(change(form.getValues()))) form.setFieldValue(name, text);
    form.clearErrors();
    setRich(part === "rich");
  };
  const from = senders?.items.find(({ id }) => id === response.senderId)?.email;
  return (
    <form onSubmit={submit} noValidate className={classes.answer} aria-label="Answer">
      <Stack gap="sm">
        <FormFailure text={failure} />
        <Group justify="space-between" gap="xs">
          <Text size="sm">
            To {response.writer ?? response.recipient}
            {from && `, from ${from}`}
          </Text>
          <SegmentedControl
            size="xs"
            aria-label="Kind of text"
            data={PARTS}
            value={rich ? "rich" : "plain"}
            onChange={onKind}
          />
        </Group>
        <TextInput
          label="Subject"
          placeholder={`As it was: ${response.subject}`}
          maxLength={LIMITS.AnswerBody.subject.maxLength}
          key={form.key("subject")}
          {...form.getInputProps("subject")}
        />
        {rich ? (
          <Part waiting={<Skeleton height={180} />}>
            <RichBody
              label="Your answer"
              html={form.getValues().bodyHtml}
              onChange={(html) => form.setFieldValue("bodyHtml", html)}
              onFocus={() => {}}
              insert={insert}
              error={form.errors.bodyHtml as string | undefined}
            />
          </Part>
        ) : (
          <Textarea
            label="Your answer"
            autosize
            minRows={5}
            maxRows={18}
            autoFocus
            key={form.key("body")}
            {...body}
            {...room.on}
            error={room.refused ?? body.error}
          />
        )}
        <Group gap="xs">
          <Button type="submit" loading={pending}>
            Send the answer
          </Button>
          <Button variant="subtle" onClick={() => void leave(close)}>
            Leave it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** To somebody who is written to no more, only once a person has said so. */
async function sendOrAsk(response: Response, keyOf: (answer: Answer) => string, body: Answer) {
  try {
    return await sendAnswer(response.id, body, keyOf(body));
  } catch (error) {
    if (!(error instanceof ApiProblem) || !error.type.endsWith("suppressed")) throw error;
    const sure = await confirm({
      title: "Write to them all the same?",
      children: `${error.detail}. Campaigns leave them out. Your answer goes to them alone, and they stay suppressed.`,
      confirm: "Send the answer",
      danger: false,
    });
    if (!sure) throw error;
    const confirmed = { ...body, despiteSuppression: true };
    return await sendAnswer(response.id, confirmed, keyOf(confirmed));
  }
}
