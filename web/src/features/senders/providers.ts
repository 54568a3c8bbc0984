/** Mail providers whose servers we know: what to fill in, and the one thing that people stumble over. */

import { optionsOf } from "@/ui/options";
import type { Sender } from "./queries";

export type Security = NonNullable<Sender["security"]>;

export const SECURITIES = optionsOf<Security>({
  starttls: { label: "STARTTLS" },
  tls: { label: "TLS" },
  none: { label: "None" },
});

export type InboxSecurity = NonNullable<Sender["imap"]>["security"];

export const INBOX_SECURITIES = optionsOf<InboxSecurity>({
  tls: { label: "TLS" },
  starttls: { label: "STARTTLS" },
});

/** The limits that a provider sets for a mailbox, or that people have found wise; `source` says who says so. */
export interface Preset {
  dailyLimit: number;
  leastGapSeconds?: number;
  maxConnections?: number;
  ramp?: { from: number; perDay: number };
  source: { text: string; name: string; url?: string };
}

/** `host` null: no server of the sender's own. `limits` null: they differ from account to account. */
export interface Provider {
  id: string;
  name: string;
  host: string | null;
  port: number;
  security: Security;
  hint: string;
  limits: Preset | null;
}

export const FALLBACK = "fallback";
export const CUSTOM = "custom";

const APP_PASSWORD =
  "turn on two-step verification, then make one at myaccount.google.com/apppasswords. Your usual password is refused.";

export const PROVIDERS: readonly Provider[] = [
  {
    id: "gmail",
    name: "Gmail",
    host: "smtp.gmail.com",
    port: 587,
    security: "starttls",
    hint: `Gmail needs an app password: ${APP_PASSWORD}`,
    limits: {
      dailyLimit: 500,
      source: {
        text: "A personal Gmail account may send 500 emails a day.",
        name: "Google: limits for sending mail",
        url: "https://support.google.com/mail/answer/22839",
      },
    },
  },
  {
    id: "workspace",
    name: "Google Workspace",
    host: "smtp.gmail.com",
    port: 587,
    security: "starttls",
    hint: `Google Workspace needs an app password: ${APP_PASSWORD} An administrator may have forbidden them.`,
    limits: {
      dailyLimit: 2000,
      source: {
        text: "Google Workspace lets a user send 2,000 emails in any 24 hours, 500 on trial.",
        name: "Google: sending limits in Workspace",
        url: "https://support.google.com/a/answer/166852",
      },
    },
  },
  {
    id: "microsoft",
    name: "Microsoft 365",
    host: "smtp.office365.com",
    port: 587,
    security: "starttls",
    hint: "Your administrator must have switched on authenticated SMTP for this mailbox. Personal Outlook.com accounts no longer let programs in with a password.",
    limits: {
      dailyLimit: 10000,
      leastGapSeconds: 2,
      maxConnections: 3,
      source: {
        text: "Microsoft 365 takes 30 emails a minute and 10,000 recipients a day, over three connections at once.",
        name: "Microsoft: throttling of SMTP submission",
        url: "https://learn.microsoft.com/en-us/exchange/troubleshoot/send-emails/smtp-submission-improvements",
      },
    },
  },
  {
    id: "fastmail",
    name: "Fastmail",
    host: "smtp.fastmail.com",
    port: 465,
    security: "tls",
    hint: "Fastmail needs an app password: make one that may use SMTP, under Settings, Privacy & Security.",
    limits: null,
  },
  {
    id: "ses",
    name: "Amazon SES",
    host: "email-smtp.us-east-1.amazonaws.com",
    port: 587,
    security: "starttls",
    hint: "Put your own region into the host. The login is made under SMTP settings in the SES console; AWS access keys do not work.",
    limits: null,
  },
  {
    id: CUSTOM,
    name: "Another server",
    host: "",
    port: 587,
    security: "starttls",
    hint: "Your provider's help names the server for outgoing mail (SMTP). Port 587 goes with STARTTLS, port 465 with TLS.",
    limits: null,
  },
];

/** For cold mail from a mailbox of one's own, whoever is the provider. */
export const OUTREACH: Preset = {
  dailyLimit: 40,
  leastGapSeconds: 600,
  ramp: { from: 10, perDay: 3 },
  source: {
    text: "For outreach 30 to 50 emails a day from one mailbox are usual, ten minutes or more apart, beginning with few and adding 2 to 5 a day.",
    name: "What people who do it advise; no provider's rule",
  },
};

const PERSONAL = /@(gmail|googlemail)\.com$/i;
const SES = /^email-smtp\.[a-z0-9-]+\.amazonaws\.com$/;

/** The provider that a sender's host belongs to; at Google, its address tells who the customer is. */
export function providerOf(host: string | null, email = ""): string {
  if (host === null) return FALLBACK;
  const name = host.toLowerCase();
  if (name === "smtp.gmail.com") return PERSONAL.test(email) ? "gmail" : "workspace";
  if (SES.test(name)) return "ses";
  return PROVIDERS.find((provider) => provider.host === name)?.id ?? CUSTOM;
}
