/** Whether what was kept is a draft: each part with a check of its own, which the types hold to be complete. */

import { VALUES } from "@/api/constants";
import { type Calendar, DAYS } from "@/features/campaigns/calendar";
import type { Columns } from "@/features/recipients/columns";
import type { Condition } from "@/features/recipients/queries";
import { keysOf } from "@/ui/options";
import { UNIT_MS } from "../timing/delay";
import { isMoment } from "../timing/moment";
import type {
  Attached,
  Attempt,
  Audience,
  Content,
  Draft,
  Following,
  Header,
  IfBlank,
  Step,
  Timing,
  Variant,
  Wait,
} from "./draft";
import { WAIT_UNITS } from "./wait";

type Check = (value: unknown) => boolean;

const text: Check = (value) => typeof value === "string";
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const flag: Check = (value) => typeof value === "boolean";
const one = <T extends string>(...names: readonly T[]): Check => {
  return (value) => (names as readonly unknown[]).includes(value);
};
const maybe = (check: Check): Check => {
  return (value) => value === null || check(value);
};
const since = (check: Check): Check => {
  return (value) => value === undefined || check(value); // drafts from before it was there lack it
};
const list = (check: Check, least = 0): Check => {
  return (value) => Array.isArray(value) && value.length >= least && value.every(check);
};
function record<T extends object>(checks: { [Name in keyof Required<T>]: Check }): Check {
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries<Check>(checks).every(([name, check]) => check((value as Record<string, unknown>)[name]));
}

const each = (check: Check): Check => {
  return (value) => typeof value === "object" && value !== null && Object.values(value).every(check);
};

const ifBlank = record<IfBlank>({ do: one("leave_out", "write", "send"), text });
const content = record<Content>({
  subject: text,
  body: text,
  rich: flag,
  html: text,
  textEdited: flag,
  language: maybe(text),
  unsubscribe: since(maybe(one("link", "header", "none"))),
  ifBlank: each(ifBlank),
  replyTo: text,
  headers: list(record<Header>({ name: text, value: text })),
  cc: list(text),
  bcc: list(text),
  attachments: list(record<Attached>({ id: number, name: text, size: number, warning: maybe(text) })),
});
const amount: Check = (value) => text(value) || number(value);
const wait = record<Wait>({ n: amount, unit: one(...WAIT_UNITS) });
const calendar = record<Calendar>({
  timezone: text,
  fallbackTimezone: maybe(text),
  days: list(one(...DAYS)),
  from: text,
  to: text,
  holidays: maybe(text),
});
const columns = record<Columns>({ hasHeader: flag, email: number, fields: list(text) });

export const isDraft = record<Draft>({
  name: text,
  audience: record<Audience>({
    source: one("typed", "file", "saved"),
    typed: maybe(number),
    file: maybe(number),
    columns: maybe(columns),
    saved: maybe(number),
    filter: list(record<Condition>({ field: text, is: one(...VALUES.Condition.is), values: list(text) })),
    everyAddress: flag,
    corrections: each(text),
    notDays: maybe(number),
    notIn: list(number),
  }),
  senderIds: list(number),
  steps: list(
    record<Step>({
      id: text,
      wait,
      inThread: flag,
      timeOfDay: since(maybe(text)),
      quotes: since(flag),
      content,
      weight: since(amount),
      variants: since(list(record<Variant>({ id: text, weight: amount, content }))),
    }),
    1,
  ),
  following: record<Following>({ stopOnAutoReply: flag, stopOnDomain: since(flag), withoutReading: flag }),
  timing: record<Timing>({
    when: one("now", "later"),
    startTime: maybe(isMoment),
    latestTime: maybe(isMoment),
    calendar: maybe(calendar),
    delay: (value) => text(value) || number(value),
    delayUnit: one(...keysOf(UNIT_MS)),
    jitterPercent: number,
    hourlyLimit: maybe(number),
    spread: flag,
    onUnknown: one(...VALUES.CampaignPatch.onUnknown),
  }),
  attempt: maybe(record<Attempt>({ key: text, print: text })),
  keptAs: since(maybe(number)),
  identity: since(text),
});
