/** Between the form for a sender and what the API wants to hear of it. */

import type { components } from "@/api/schema";
import { timezone } from "@/time/format";
import type { InboxSecurity, Preset, Security } from "./providers";
import type { Sender } from "./queries";

type SenderBody = components["schemas"]["SenderBody"];
type SenderPatch = components["schemas"]["SenderPatch"];

/** Numbers are "" while their field is empty. `ownServer` false: the fallback server, whatever the fields hold. */
export interface SenderValues extends Record<string, unknown> {
  email: string;
  displayName: string;
  replyTo: string;
  ownServer: boolean;
  host: string;
  port: number | string;
  security: Security;
  username: string;
  password: string;
  readsInbox: boolean;
  copyToSent: boolean;
  imapHost: string;
  imapPort: number | string;
  imapSecurity: InboxSecurity;
  imapUsername: string;
  imapPassword: string;
  hourlyLimit: number | string;
  maxConnections: number | string;
  dailyLimit: number | string;
  leastGapSeconds: number | string;
  rampFrom: number | string;
  rampPerDay: number | string;
  timezone: string;
}

export const NEW_SENDER: SenderValues = {
  email: "",
  displayName: "",
  replyTo: "",
  ownServer: true,
  host: "",
  port: 587,
  security: "starttls",
  username: "",
  password: "",
  readsInbox: false,
  copyToSent: true,
  imapHost: "",
  imapPort: 993,
  imapSecurity: "tls",
  imapUsername: "",
  imapPassword: "",
  hourlyLimit: "",
  maxConnections: "",
  dailyLimit: "",
  leastGapSeconds: "",
  rampFrom: "",
  rampPerDay: "",
  timezone,
};

/** Of what no server that is found takes the place. */
const ONES_OWN = ["email", "displayName", "replyTo"];

/** Whether the field is about the server, the login or the limits. */
export const isOfServer = (field: string) => field in NEW_SENDER && !ONES_OWN.includes(field);

/** Whether somebody has entered a server, a login or limits since the form was `filled` by itself. */
export const entered = (filled: SenderValues, values: SenderValues): boolean =>
  Object.keys(NEW_SENDER).some((field) => isOfServer(field) && values[field] !== filled[field]);

export function valuesOf(sender: Sender): SenderValues {
  return {
    email: sender.email,
    displayName: sender.displayName,
    replyTo: sender.replyTo ?? "",
    ownServer: sender.host !== null,
    host: sender.host ?? "",
    port: sender.port ?? 587,
    security: sender.security ?? "starttls",
    username: sender.username ?? "",
    password: "",
    readsInbox: sender.imap !== null,
    copyToSent: sender.copyToSent,
    imapHost: sender.imap?.host ?? "",
    imapPort: sender.imap?.port ?? 993,
    imapSecurity: sender.imap?.security ?? "tls",
    imapUsername: sender.imap?.username ?? "",
    imapPassword: "",
    hourlyLimit: sender.hourlyLimit,
    maxConnections: sender.maxConnections,
    dailyLimit: sender.dailyLimit ?? "",
    leastGapSeconds: sender.leastGapSeconds ?? "",
    rampFrom: sender.rampUp?.from ?? "",
    rampPerDay: sender.rampUp?.perDay ?? "",
    timezone: sender.timezone,
  };
}

/** The limits as a preset has them: of what it says nothing there is none; null: none at all. */
export function presetValues(preset: Preset | null) {
  return {
    dailyLimit: preset?.dailyLimit ?? "",
    leastGapSeconds: preset?.leastGapSeconds ?? "",
    maxConnections: preset?.maxConnections ?? "",
    rampFrom: preset?.ramp?.from ?? "",
    rampPerDay: preset?.ramp?.perDay ?? "",
  };
}

const given = (value: number | string): number | null => (typeof value === "number" ? value : null);

export function senderBody(values: SenderValues): SenderBody {
  const server = values.ownServer
    ? {
        host: values.host.trim(),
        port: given(values.port),
        security: values.security,
        username: values.username.trim() || null,
        password: values.password || null,
      }
    : {};
  return {
    email: values.email,
    displayName: values.displayName.trim(),
    replyTo: values.replyTo.trim() || null,
    ...server,
    hourlyLimit: given(values.hourlyLimit),
    maxConnections: given(values.maxConnections),
    dailyLimit: given(values.dailyLimit),
    leastGapSeconds: given(values.leastGapSeconds),
    rampUp: rampUp(values),
    timezone: values.timezone,
    imap: imap(values),
    copyToSent: values.copyToSent,
  };
}

function imap(values: SenderValues): SenderBody["imap"] {
  if (!values.ownServer || !values.readsInbox) return null;
  return {
    host: values.imapHost.trim(),
    port: given(values.imapPort),
    security: values.imapSecurity,
    username: values.imapUsername.trim() || null,
    password: values.imapPassword || null,
  };
}

function rampUp({ rampFrom, rampPerDay }: SenderValues): SenderBody["rampUp"] {
  const from = given(rampFrom);
  const perDay = given(rampPerDay);
  return from === null || perDay === null ? null : { from, perDay };
}

/** Only what differs: to name the server's fields again would end a back-off, and to leave out the password keeps it. */
export function senderPatch(before: Sender, values: SenderValues): SenderPatch {
  const after = senderBody(values);
  const patch: SenderPatch = {};
  if (after.email !== before.email) patch.email = after.email;
  if (after.displayName !== before.displayName) patch.displayName = after.displayName;
  if (after.replyTo !== before.replyTo) patch.replyTo = after.replyTo ?? null;
  if (after.hourlyLimit != null && after.hourlyLimit !== before.hourlyLimit)
    patch.hourlyLimit = after.hourlyLimit;
  if (after.maxConnections != null && after.maxConnections !== before.maxConnections)
    patch.maxConnections = after.maxConnections;
  if (after.dailyLimit !== before.dailyLimit) patch.dailyLimit = after.dailyLimit ?? null;
  if (after.leastGapSeconds !== before.leastGapSeconds) patch.leastGapSeconds = after.leastGapSeconds ?? null;
  if (after.rampUp?.from !== before.rampUp?.from || after.rampUp?.perDay !== before.rampUp?.perDay)
    patch.rampUp = after.rampUp ?? null;
  if (after.timezone !== before.timezone) patch.timezone = after.timezone ?? null;
  if (values.copyToSent !== before.copyToSent) patch.copyToSent = values.copyToSent;
  if (isOther(after.imap ?? null, before.imap)) patch.imap = after.imap ?? null;
  if (!values.ownServer) return before.host === null ? patch : { ...patch, host: null };
  if (after.host !== before.host) patch.host = after.host ?? "";
  if (after.port != null && after.port !== before.port) patch.port = after.port;
  if (after.security && after.security !== before.security) patch.security = after.security;
  if (after.username !== before.username) patch.username = after.username ?? null;
  if (after.password) patch.password = after.password;
  return patch;
}

function isOther(after: SenderPatch["imap"], before: Sender["imap"]): boolean {
  if (!after || !before) return after !== before;
  const { host, port, security, username } = before;
  return (
    after.password !== null ||
    after.host !== host ||
    after.port !== port ||
    after.security !== security ||
    after.username !== username
  );
}

/** As `keepsPassword`, for reading. */
export function keepsInboxPassword(before: Sender | undefined, values: SenderValues): boolean {
  const imap = before?.imap;
  return (
    imap?.hasPassword === true &&
    values.imapHost.trim() === imap.host &&
    values.imapUsername.trim() === imap.username
  );
}

/** Whether the password that is stored goes on being used; the API asks for it again otherwise. */
export function keepsPassword(before: Sender | undefined, values: SenderValues): boolean {
  return (
    before?.hasPassword === true &&
    values.host.trim() === before.host &&
    values.username.trim() === before.username
  );
}
