/** Errors of a draft, by the path of the field: `steps[0].content.subject`. */

import { ApiProblem, sentence } from "@/api/problem";

export type Errors = Readonly<Record<string, string>>;

/** Where the fields of the API are in a draft. */
const PATHS: Readonly<Record<string, string>> = {
  name: "name",
  senderId: "senderIds",
  senderIds: "senderIds",
  recipients: "audience",
  listId: "audience",
  columns: "audience",
  file: "audience",
  notIfWrittenToDays: "audience.notDays",
  notInCampaigns: "audience.notIn",
  subject: "steps[0].content.subject",
  body: "steps[0].content.body",
  bodyHtml: "steps[0].content.html",
  language: "steps[0].content.language",
  unsubscribe: "steps[0].content.unsubscribe",
  ifBlank: "steps[0].content.ifBlank",
  replyTo: "steps[0].content.replyTo",
  headers: "steps[0].content.headers",
  cc: "steps[0].content.cc",
  bcc: "steps[0].content.bcc",
  attachments: "steps[0].content.attachments",
  startTime: "timing.startTime",
  latestAt: "timing.latestTime",
  calendar: "timing.calendar",
  jitterPercent: "timing.jitterPercent",
  delayBetweenMs: "timing.delay",
  hourlyLimit: "timing.hourlyLimit",
  onUnknown: "timing.onUnknown",
  followUpWithoutReading: "following.withoutReading",
  stopOn: "following.stopOnAutoReply",
  variants: "steps[0].variants",
  weight: "steps[0].weight",
  steps: "steps",
};

/** Those of a later step, which the API counts without the first. */
const OF_STEP: Readonly<Record<string, string>> = {
  wait: "wait",
  businessDays: "wait",
  timeOfDay: "timeOfDay",
  subject: "content.subject",
  body: "content.body",
  bodyHtml: "content.html",
  variants: "variants",
};

function pathOf(field: string): string | undefined {
  const [, number, within = field] = /^steps\[(\d+)\]\.(.+)/s.exec(field) ?? [];
  const step = number === undefined ? 0 : Number(number) + 1;
  const [, variant, ofVariant = ""] = /^variants\[(\d+)\]\.(\w+)/.exec(within) ?? [];
  if (variant !== undefined) return `steps[${step}].variants[${variant}].${OF_STEP[ofVariant] ?? ofVariant}`;
  const [, part = ""] = /^(\w+)/.exec(within) ?? [];
  if (number !== undefined && OF_STEP[part]) return `steps[${step}].${OF_STEP[part]}`;
  const [head = "", rest] = field.split(/[[.](.*)/s);
  const path = PATHS[head];
  return path && head === "calendar" && rest ? `${path}.${rest}` : path;
}

/** The errors of a failed request. `isPlaced`: there are some, and each belongs to a part of the draft. */
export function errorsOf(error: unknown): { errors: Errors; isPlaced: boolean } {
  if (!(error instanceof ApiProblem)) return { errors: {}, isPlaced: false };
  const named = Object.entries(error.errors).map(
    ([field, detail]) => [pathOf(field), sentence(detail)] as const,
  );
  const placed = named.filter((each): each is [string, string] => each[0] !== undefined);
  return { errors: Object.fromEntries(placed), isPlaced: named.length > 0 && placed.length === named.length };
}

/** Those of one part, by the names of its fields. */
export function below(errors: Errors, part: string): Errors {
  const within = `${part}.`;
  return Object.fromEntries(
    Object.entries(errors)
      .filter(([path]) => path.startsWith(within))
      .map(([path, detail]) => [path.slice(within.length), detail]),
  );
}
