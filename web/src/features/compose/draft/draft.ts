/** The campaign that is being written, in parts: fields take and change their part alone. */

import type { components } from "@/api/schema";
import type { Calendar } from "@/features/campaigns/calendar";
import type { OnUnknown, Unsubscribe } from "@/features/campaigns/queries";
import type { Columns } from "@/features/recipients/columns";
import type { Condition } from "@/features/recipients/queries";
import type { DelayUnit } from "../timing/delay";

export interface Draft {
  name: string;
  audience: Audience;
  /** None: the default sender, until it is sent. */
  senderIds: number[];
  steps: [Step, ...Step[]];
  following: Following;
  timing: Timing;
  /** The last attempt to schedule that had no answer yet. */
  attempt: Attempt | null;
  /** The id of the workspace's draft that it is, null: of none. It lies with what is written, so that nothing is ever
   * saved into another one; drafts from before it was there lack it.
   */
  keptAs?: number | null;
  /** Tells it from others in this browser, so that what was begun for one draft changes no other. */
  identity?: string;
}

/** The lists on the server that hold the recipients: none of these is kept in the browser. */
export interface Audience {
  source: "typed" | "file" | "saved";
  typed: number | null;
  file: number | null;
  /** Of the file; null: as it was found. */
  columns: Columns | null;
  /** A list that is kept by name, and who of it. */
  saved: number | null;
  filter: Condition[];
  /** Of cells that have several addresses, not the first alone. */
  everyAddress: boolean;
  /** Domains that are mistyped, with those that are meant. */
  corrections: Record<string, string>;
  /** Left out: whoever was written to in so many days. Null: it does not matter when. */
  notDays: number | null;
  /** And the recipients of these campaigns. */
  notIn: number[];
}

/** One message to each recipient; the later ones to whoever did not answer. */
export interface Step {
  id: string;
  /** After the step before; of the first, nothing. */
  wait: Wait;
  /** It answers the message that began the thread, and has no subject of its own. */
  inThread: boolean;
  /** At which it leaves, such as "09:30"; drafts from before it was there lack it. */
  timeOfDay?: string | null;
  /** Below it stands the message that it follows. */
  quotes?: boolean;
  content: Content;
  /** How many get `content`, in proportion to its variants; drafts from before they were there lack both. */
  weight?: number | string;
  variants?: readonly Variant[];
}

/** Another text for a step: of its content, subject and texts count. */
export interface Variant {
  id: string;
  weight: number | string;
  content: Content;
}

export interface Wait {
  /** Text while it is being typed. */
  n: number | string;
  unit: WaitUnit;
}

export type WaitUnit = "minutes" | "hours" | "days" | "business days";

/** Stops of later steps beside an answer, which stops them in any case. */
export interface Following {
  stopOnAutoReply: boolean;
  /** An answer stops everybody at its domain; drafts from before it was there lack it. */
  stopOnDomain?: boolean;
  /** Although nobody reads the mailbox that answers come to. */
  withoutReading: boolean;
}

export interface Content {
  subject: string;
  body: string;
  rich: boolean;
  /** "" until rich text is chosen, and again when the plain text was changed since. */
  html: string;
  /** The plain text beside a rich one was written by hand. */
  textEdited: boolean;
  /** The language that it is written in, such as "de"; null: nobody has said. */
  language: string | null;
  /** How recipients unsubscribe; null: as is usual for so many of them. */
  unsubscribe: Unsubscribe | null;
  /** The way to treat recipients who have nothing for a field, where that was said. */
  ifBlank: Readonly<Record<string, IfBlank>>;
  /** "": answers go to the mailbox, or where its sender says. */
  replyTo: string;
  headers: readonly Header[];
  cc: readonly string[];
  bcc: readonly string[];
  attachments: readonly Attached[];
}

/** A header of one's own, as it is typed. */
export interface Header {
  name: string;
  value: string;
}

/** A file on the server that goes along. */
export type Attached = Pick<components["schemas"]["KeptFile"], "id" | "name" | "size" | "warning">;

export type IfBlank = components["schemas"]["IfBlank"];

const NOTHING: Content = {
  subject: "",
  body: "",
  rich: false,
  html: "",
  textEdited: false,
  language: null,
  unsubscribe: null,
  ifBlank: {},
  replyTo: "",
  headers: [],
  cc: [],
  bcc: [],
  attachments: [],
};

export interface Timing {
  when: "now" | "later";
  /** By the clock of the person who gave it: "2030-01-31 09:00:00[Europe/Berlin]". */
  startTime: string | null;
  /** As `startTime`: what has not left by then never does. */
  latestTime: string | null;
  calendar: Calendar | null;
  /** Text while it is being typed: "1." or "". */
  delay: number | string;
  delayUnit: DelayUnit;
  /** By how much of the delay it varies. */
  jitterPercent: number;
  hourlyLimit: number | null;
  spread: boolean;
  onUnknown: OnUnknown;
}

/** `print` tells whether the same is asked for again: then it must go under the same key. */
export interface Attempt {
  key: string;
  print: string;
}

export const EMPTY: Draft = {
  name: "",
  audience: {
    source: "typed",
    typed: null,
    file: null,
    columns: null,
    saved: null,
    filter: [],
    everyAddress: false,
    corrections: {},
    notDays: null,
    notIn: [],
  },
  senderIds: [],
  steps: [{ id: "first", wait: { n: 0, unit: "days" }, inThread: false, content: NOTHING }],
  following: { stopOnAutoReply: false, withoutReading: false },
  timing: {
    when: "now",
    startTime: null,
    latestTime: null,
    calendar: null,
    delay: 0,
    delayUnit: "seconds",
    jitterPercent: 0,
    hourlyLimit: null,
    spread: false,
    onUnknown: "hold",
  },
  attempt: null,
  keptAs: null,
};

/** A later step as it begins. */
export const laterStep = (id: string): Step => ({
  id,
  wait: { n: 3, unit: "business days" },
  inThread: true,
  content: NOTHING,
});

/** Whether losing it would lose somebody's work. */
export function hasContent({ name, audience, steps }: Draft): boolean {
  const texts = steps.flatMap(({ content, variants = [] }) => [
    content,
    ...variants.map((each) => each.content),
  ]);
  const isWritten = texts.some(
    ({ subject, body, html, attachments }) => subject || body || html || attachments.length > 0,
  );
  return Boolean(
    name || isWritten || audience.typed !== null || audience.file !== null || audience.saved !== null,
  );
}
