import "@mantine/core/styles/Pill.layer.css";
import "@mantine/core/styles/PillsInput.layer.css";
import {
  Box,
  Button,
  Group,
  MultiSelect,
  NumberInput,
  Paper,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { ChipField } from "@/features/richText/ChipField";
import { HtmlField } from "@/features/richText/HtmlField";
import { insertAt } from "@/features/richText/insertAt";
import { MergeFields } from "@/features/richText/MergeFields";
import { textOf } from "@/features/richText/richText";
import { isChoosable, sendersQuery } from "@/features/senders/queries";
import { useMay } from "@/features/workspaces/useMay";
import { BeginAnew } from "@/forms/BeginAnew";
import { FormFailure } from "@/forms/FormFailure";
import { Moment } from "@/forms/Moment";
import { useSubmit } from "@/forms/useSubmit";
import { useUnsaved } from "@/forms/useUnsaved";
import { timezone } from "@/time/format";
import { CalendarFields } from "../CalendarFields";
import { changeCampaign } from "../commands";
import { putChanged } from "../live";
import { OnUnknownField } from "../OnUnknownField";
import { type Campaign, campaignQuery } from "../queries";
import { UnsubscribeField } from "../UnsubscribeField";
import { changeable, changesTo, settingsOf } from "./settings";

const DELAY_MS = LIMITS.CampaignPatch.delayBetweenMs;

/** The parts of a campaign that can still be changed. Emails sent already stay as they were. */
export function CampaignSettings({ campaign }: { campaign: Campaign }) {
  const queries = useQueryClient();
  const [begun, setBegun] = useState({ with: campaign, times: 0 });
  const begin = (now: Campaign) => setBegun(({ times }) => ({ with: now, times: times + 1 }));
  const beginAnew = async () => {
    begin(await queries.fetchQuery({ ...campaignQuery(campaign.id), staleTime: 0 }));
  };
  return (
    <Fields key={begun.times} campaign={campaign} begun={begun.with} begin={begin} beginAnew={beginAnew} />
  );
}

interface Props {
  campaign: Campaign;
  /** The campaign that the fields begin with: the campaign itself changes under the form as it is sent. */
  begun: Campaign;
  begin: (now: Campaign) => void;
  beginAnew: () => Promise<void>;
}

function Fields({ campaign, begun, begin, beginAnew }: Props) {
  const queries = useQueryClient();
  const [before, setBefore] = useState(() => settingsOf(begun));
  const [version, setVersion] = useState(begun.textsVersion);
  const can = changeable(campaign);
  const maySend = useMay("member");
  const { form, submit, pending, failure, error, isDirty } = useSubmit({
    initialValues: before,
    validate: {
      delaySeconds: (value) => (can.content && value === "" ? "Give 0 or more seconds." : null),
      start: (value) => (can.start && !value ? "Give a time." : null),
    },
    names: { startTime: "start", latestAt: "latest", delayBetweenMs: "delaySeconds" },
    send: (values) => changeCampaign(campaign.id, changesTo(before, values, version)),
    changes: [keys.campaigns.lists(), keys.emails.all()],
    done: (changed, values) => {
      setBefore({ ...values });
      setVersion(changed.textsVersion);
      putChanged(queries, changed);
    },
    said: () => "The campaign is changed.",
  });
  const [html, setHtml] = useState(before.bodyHtml);
  const [texts, setTexts] = useState({ subject: before.subject, body: before.body });
  const inputs = { subject: useRef<HTMLInputElement>(null), body: useRef<HTMLTextAreaElement>(null) };
  const insertHtml = useRef<((text: string) => void) | null>(null);
  /** Where somebody wrote last. */
  const last = useRef<"subject" | "body" | "html">(begun.bodyHtml === null ? "body" : "html");
  const put = (name: "subject" | "body", text: string) => {
    setTexts((old) => ({ ...old, [name]: text }));
    form.setFieldValue(name, text);
  };
  const insert = (text: string) => {
    const name = last.current;
    if (name === "html") return insertHtml.current?.(text);
    const input = inputs[name].current;
    if (input) insertAt(input, text, (value) => put(name, value));
  };
  const chips = (name: "subject" | "body") => ({
    input: inputs[name],
    most: LIMITS.CampaignPatch[name].maxLength,
    value: texts[name],
    onText: (text: string) => put(name, text),
    onFocus: () => {
      last.current = name;
    },
    "data-path": name,
    disabled: !can.content,
    error: errorOf(form.errors[name]),
  });
  const [calendar, setCalendar] = useState(before.calendar);
  const [moments, setMoments] = useState({ start: before.start, latest: before.latest });
  const moment = (name: "start" | "latest") => ({
    value: moments[name] || null,
    onChange: (picked: string | null) => {
      const value = picked?.replace(" ", "T").slice(0, "2026-11-24T16:03".length) ?? "";
      setMoments({ ...moments, [name]: value });
      form.setFieldValue(name, value);
    },
    error: errorOf(form.errors[name]),
  });
  const { data: senders } = useQuery(sendersQuery());
  const choosable = senders?.items.filter(isChoosable) ?? [];
  const others = choosable.length > 1 ? choosable : null;
  useUnsaved(isDirty);
  // A change that somebody else made meanwhile is seen at once, unless it would take away what is written here.
  const { textsVersion } = campaign;
  useEffect(() => {
    if (textsVersion && textsVersion !== version && !pending && !isDirty()) begin(campaign);
  });
  return (
    <Paper withBorder radius="lg" p="lg" component="form" onSubmit={submit} noValidate maw={760}>
      <Stack>
        <FormFailure text={failure} />
        {failure && <BeginAnew error={error} begin={beginAnew} />}
        <Box component="fieldset" disabled={!maySend} m={0} p={0} bd={0} miw={0}>
          <Stack>
            {!can.content && (
              <Text size="sm" c="dimmed">
                This campaign is over: only its name can be changed.
              </Text>
            )}
            <TextInput label="Name" key={form.key("name")} {...form.getInputProps("name")} />
            <ChipField label="Subject" {...chips("subject")} />
            <MergeFields
              fields={campaign.fields ?? []}
              disabled={!can.content}
              onInsert={insert}
              none="Its recipients brought no others."
            />
            <ChipField label="Text" lines={5} {...chips("body")} />
            {begun.bodyHtml !== null && (
              <HtmlField
                html={html}
                insert={insertHtml}
                onFocus={() => {
                  last.current = "html";
                }}
                onChange={(changed) => {
                  // The plain text follows, as it did when both were written.
                  if (form.getValues().body === textOf(html)) put("body", textOf(changed));
                  setHtml(changed);
                  form.setFieldValue("bodyHtml", changed);
                }}
                disabled={!can.content}
                error={errorOf(form.errors.bodyHtml)}
              />
            )}
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <Moment
                label="Start"
                description={
                  can.start || !can.content ? `Your time, ${timezone}` : "It has begun, so this stays"
                }
                disabled={!can.start}
                {...moment("start")}
              />
              <NumberInput
                label="Seconds between emails"
                description="0: as fast as the limits allow"
                min={DELAY_MS.min / 1000}
                max={DELAY_MS.max / 1000}
                decimalScale={3}
                hideControls
                disabled={!can.content}
                key={form.key("delaySeconds")}
                {...form.getInputProps("delaySeconds")}
              />
              <NumberInput
                label="Hourly limit of the campaign"
                description="Empty: the sender's limit alone"
                {...LIMITS.CampaignPatch.hourlyLimit}
                thousandSeparator=","
                hideControls
                allowDecimal={false}
                disabled={!can.content}
                key={form.key("hourlyLimit")}
                {...form.getInputProps("hourlyLimit")}
              />
              <NumberInput
                label="Share of the sender, in percent"
                description="Empty: all that other campaigns leave"
                {...LIMITS.CampaignPatch.sharePercent}
                hideControls
                allowDecimal={false}
                disabled={!can.content}
                key={form.key("sharePercent")}
                {...form.getInputProps("sharePercent")}
              />
            </SimpleGrid>
            <SimpleGrid cols={{ base: 1, sm: 2 }}>
              <Moment
                label="Not after"
                description={`What has not left by then is cancelled. Your time, ${timezone}`}
                disabled={!can.content}
                clearable
                {...moment("latest")}
              />
              <NumberInput
                label="Vary the delay by"
                description="Per cent of it"
                {...LIMITS.CampaignPatch.jitterPercent}
                suffix=" %"
                allowDecimal={false}
                hideControls
                disabled={!can.content}
                key={form.key("jitterPercent")}
                {...form.getInputProps("jitterPercent")}
              />
            </SimpleGrid>
            {others && (
              <MultiSelect
                label="Mailboxes"
                description="One that is taken out gives what it has not begun to the others."
                data={others.map(({ id, email }) => ({ value: `${id}`, label: email }))}
                disabled={!can.content}
                key={form.key("senderIds")}
                {...form.getInputProps("senderIds")}
              />
            )}
            <CalendarFields
              value={calendar}
              onChange={(value) => {
                setCalendar(value);
                form.setFieldValue("calendar", value);
              }}
              errors={below(form.errors)}
              disabled={!can.content}
            />
            <UnsubscribeField
              disabled={!can.content}
              key={form.key("unsubscribe")}
              {...form.getInputProps("unsubscribe")}
            />
            <OnUnknownField
              disabled={!can.content}
              key={form.key("onUnknown")}
              {...form.getInputProps("onUnknown")}
            />
          </Stack>
        </Box>
        <Group justify="flex-end">
          {!maySend && (
            <Text size="sm" c="dimmed">
              You are a viewer of this workspace: its owners can let you change this.
            </Text>
          )}
          <Button type="submit" loading={pending} disabled={!maySend}>
            Save
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}

const errorOf = (error: unknown) => (typeof error === "string" ? error : undefined);

/** Of the calendar's fields alone, by their names. */
function below(errors: Readonly<Record<string, unknown>>): Record<string, string> {
  const within = "calendar.";
  return Object.fromEntries(
    Object.entries(errors)
      .filter(([path, text]) => path.startsWith(within) && typeof text === "string")
      .map(([path, text]) => [path.slice(within.length), text as string]),
  );
}
