/** The campaign that is being written, kept in this browser for each user until it is scheduled or discarded. */

import type { Mapping } from "@/features/recipients/csv";
import { type DelayUnit, spreadDelayMs, UNIT_MS } from "../timing/delay";

export type OnUnknown = "hold" | "resend" | "assume_sent";

export interface Draft {
  senderId: number | null;
  name: string;
  subject: string;
  body: string;
  rich: boolean;
  html: string;
  /** The plain text beside a rich one was written by hand. */
  textEdited: boolean;
  source: "typed" | "file";
  typed: string;
  /** The name of the chosen file; the file itself is in draftFile.ts. */
  fileName: string | null;
  mapping: Mapping | null;
  when: "now" | "later";
  /** As the picker gives it: "2030-01-31 09:00:00" in the person's timezone. */
  startTime: string | null;
  /** Text while it is being typed: "1." or "". */
  delay: number | string;
  delayUnit: DelayUnit;
  hourlyLimit: number | null;
  spread: boolean;
  onUnknown: OnUnknown;
  /** The last attempt to schedule that had no answer yet. */
  attempt: Attempt | null;
}

/** `print` tells whether the same is asked for again: then it must go under the same key. */
export interface Attempt {
  key: string;
  print: string;
}

export const EMPTY: Draft = {
  senderId: null,
  name: "",
  subject: "",
  body: "",
  rich: false,
  html: "",
  textEdited: false,
  source: "typed",
  typed: "",
  fileName: null,
  mapping: null,
  when: "now",
  startTime: null,
  delay: 0,
  delayUnit: "seconds",
  hourlyLimit: null,
  spread: false,
  onUnknown: "hold",
  attempt: null,
};

/** Whether losing it would lose somebody's work. */
export function hasContent(draft: Draft): boolean {
  return Boolean(draft.name || draft.subject || draft.body || draft.html || draft.typed || draft.fileName);
}

const place = (userId: number) => `reachinbox.draft.${userId}`;

/** What was kept, and when; null when there is nothing of use. */
export function loadDraft(userId: number): { draft: Draft; savedAt: Date } | null {
  try {
    const kept = JSON.parse(localStorage.getItem(place(userId)) ?? "null");
    if (!kept?.draft) return null;
    const draft = { ...EMPTY, ...kept.draft };
    return hasContent(draft) ? { draft, savedAt: new Date(kept.savedAt) } : null;
  } catch {
    return null; // not ours, or of a browser that keeps nothing
  }
}

/** Whether it could be kept: a browser may have no room, or keep nothing at all. */
export function saveDraft(userId: number, draft: Draft): boolean {
  try {
    if (hasContent(draft)) {
      localStorage.setItem(place(userId), JSON.stringify({ draft, savedAt: new Date() }));
    } else {
      localStorage.removeItem(place(userId));
    }
    return true;
  } catch {
    return false;
  }
}

/** `senderLimit`: what "spread evenly" divides the hour by, if the campaign has no lower limit. */
export function delayMs(draft: Draft, senderLimit: number | undefined): number {
  if (!draft.spread) return Math.round((Number(draft.delay) || 0) * UNIT_MS[draft.delayUnit]);
  return spreadDelayMs(Math.min(draft.hourlyLimit ?? Number.POSITIVE_INFINITY, senderLimit ?? 100));
}

/** The instant at which it is to start, null for now. */
export function startOf(draft: Draft): Date | null {
  return draft.when === "later" && draft.startTime ? new Date(draft.startTime.replace(" ", "T")) : null;
}

/** The fields of the API's form, recipients aside. */
export function fieldsOf(draft: Draft, senderLimit: number | undefined): Record<string, string> {
  const start = startOf(draft);
  const fields: Record<string, string | null> = {
    subject: draft.subject,
    body: draft.body,
    bodyHtml: draft.rich ? draft.html : null,
    name: draft.name.trim() || null,
    senderId: draft.senderId === null ? null : `${draft.senderId}`,
    startTime: start?.toISOString() ?? null,
    delayBetweenMs: `${delayMs(draft, senderLimit)}`,
    hourlyLimit: draft.hourlyLimit === null ? null : `${draft.hourlyLimit}`,
    onUnknown: draft.onUnknown,
  };
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** What is missing before it can be planned, by field. */
export function missing(draft: Draft, recipients: number): Record<string, string> {
  const errors: Record<string, string> = {};
  if (!draft.subject.trim()) errors.subject = "Write a subject.";
  if (!draft.body.trim() && !(draft.rich && draft.html.trim())) errors.body = "Write a text.";
  if (recipients === 0) errors.recipients = "Give at least one recipient.";
  if (draft.when === "later" && !draft.startTime) errors.startTime = "Choose a time, or send now.";
  return errors;
}

/** The key for an attempt at `request`: that of the last one, if it asked for the same. */
export function attemptAt(request: string, last: Attempt | null): Attempt {
  const print = fingerprint(request);
  return last?.print === print ? last : { key: randomKey(), print };
}

/** FNV-1a. Should two requests ever share one, the API refuses the second: nothing is sent in error. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return `${(hash >>> 0).toString(16)}-${text.length}`;
}

/** Not crypto.randomUUID, which exists on HTTPS and localhost alone. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
