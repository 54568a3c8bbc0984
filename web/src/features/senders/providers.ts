/** Mail providers whose servers we know: what to fill in, and the one thing that people stumble over. */

import { optionsOf } from "@/ui/options";
import type { Sender } from "./queries";

export type Security = NonNullable<Sender["security"]>;

export const SECURITIES = optionsOf<Security>({
  starttls: { label: "STARTTLS" },
  tls: { label: "TLS" },
  none: { label: "None" },
});

/** `host` null: no server of the sender's own. */
export interface Provider {
  id: string;
  name: string;
  host: string | null;
  port: number;
  security: Security;
  hint: string;
}

export const FALLBACK = "fallback";
export const CUSTOM = "custom";

export const PROVIDERS: readonly Provider[] = [
  {
    id: "gmail",
    name: "Gmail",
    host: "smtp.gmail.com",
    port: 587,
    security: "starttls",
    hint: "Gmail needs an app password: turn on two-step verification, then make one at myaccount.google.com/apppasswords. Your usual password is refused.",
  },
  {
    id: "microsoft",
    name: "Microsoft 365",
    host: "smtp.office365.com",
    port: 587,
    security: "starttls",
    hint: "Your administrator must have switched on authenticated SMTP for this mailbox. Personal Outlook.com accounts no longer let programs in with a password.",
  },
  {
    id: "fastmail",
    name: "Fastmail",
    host: "smtp.fastmail.com",
    port: 465,
    security: "tls",
    hint: "Fastmail needs an app password: make one that may use SMTP, under Settings, Privacy & Security.",
  },
  {
    id: "ses",
    name: "Amazon SES",
    host: "email-smtp.us-east-1.amazonaws.com",
    port: 587,
    security: "starttls",
    hint: "Put your own region into the host. The login is made under SMTP settings in the SES console; AWS access keys do not work.",
  },
  {
    id: CUSTOM,
    name: "Another server",
    host: "",
    port: 587,
    security: "starttls",
    hint: "Your provider's help names the server for outgoing mail (SMTP). Port 587 goes with STARTTLS, port 465 with TLS.",
  },
];

const SES = /^email-smtp\.[a-z0-9-]+\.amazonaws\.com$/;

/** The provider that a sender's host belongs to. */
export function providerOf(host: string | null): string {
  if (host === null) return FALLBACK;
  const name = host.toLowerCase();
  if (SES.test(name)) return "ses";
  return PROVIDERS.find((provider) => provider.host === name)?.id ?? CUSTOM;
}
