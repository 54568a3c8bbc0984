/** A webhook's events and state, in words. */

import { optionsOf } from "@/ui/options";
import type { Webhook } from "./queries";

export const EVENTS = optionsOf<Webhook["events"][number]>({
  "email.failed": { label: "An email failed" },
  "email.unknown": { label: "An email is in doubt" },
  "email.replied": { label: "Somebody answered" },
  "email.bounced": { label: "An email came back" },
  "sender.blocked": { label: "A sender is backed off" },
  "campaign.held": { label: "A campaign is held back" },
  "campaign.paused": { label: "A campaign has paused itself" },
  "campaign.finished": { label: "A campaign has finished" },
  "recipient.suppressed": { label: "Somebody is written to no more" },
  "recipient.unsubscribed": { label: "Somebody has unsubscribed" },
  "recipient.resubscribed": { label: "Somebody took back that they unsubscribed" },
});

const OTHERS: Readonly<Record<string, string>> = { "webhook.test": "A test" };

export function eventWords(event: string): string {
  return EVENTS.find(({ value }) => value === event)?.label ?? OTHERS[event] ?? event;
}

/** A sentence on what troubles it; null when nothing does. */
export function webhookTrouble(webhook: Webhook): string | null {
  if (!webhook.enabled) return webhook.disabledReason && `Switched off: ${webhook.disabledReason}`;
  return webhook.lastError && webhook.failingSince && `The latest try failed: ${webhook.lastError}`;
}
