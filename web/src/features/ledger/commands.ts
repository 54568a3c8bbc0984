/**
 * A person's word on emails that ended FAILED or UNKNOWN, and on what a server's words hold back: asked for, sent, told.
 * And the list of emails as a file.
 */

import { addressOf, answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { download } from "@/ui/download";
import { counted } from "@/ui/numbers";
import type { FailureReason, Held } from "./queries";
import { DECISIONS, type Decision, HELD_ANSWERED, type HeldAnswer, outcome } from "./words";

type Schemas = components["schemas"];

/** Some emails, or all of a campaign or of a reason that are in question; `n` of them, as far as the page knows. */
export type Target =
  | { ids: number[] }
  | { campaignId?: number | undefined; reason?: FailureReason | undefined; n: number };

/** The API takes this many ids at once. */
const AT_ONCE = 1_000;

/** All that a word on emails may have changed. */
const changed = () => [
  keys.emails.all(),
  keys.recipients.all(),
  keys.campaigns.all(),
  keys.stats.all(),
  keys.suppressions.all(),
];

const size = (target: Target) => ("ids" in target ? target.ids.length : target.n);

/** `decide` resolves to whether it was done. */
export function useDecisions() {
  const { run, pending } = useCommand({
    run: ({ decision, target }: { decision: Decision; target: Target }) => send(decision, target),
    changes: changed(),
    said: (sent, { decision, target }) => outcome(decision, size(target), sent),
    failed: "Not all of that was done",
  });
  const decide = async (decision: Decision, target: Target): Promise<boolean> => {
    const words = DECISIONS[decision];
    const danger = decision !== "retry" && decision !== "aside";
    const asked = { title: words.title(size(target)), children: words.text, confirm: words.button, danger };
    return (await confirm(asked)) && run({ decision, target });
  };
  return { pending, decide };
}

/**
 * An email that waits is not sent; its recipient stays in other campaigns. A sent email stays sent: there it stops what
 * would follow.
 */
export function useStop({ id, recipient, status }: Pick<Schemas["Email"], "id" | "recipient" | "status">) {
  const isSent = status === "SENT";
  const { run, pending } = useCommand({
    run: () => answer(api.POST("/api/emails/{id}/stop", { params: { path: { id } } })),
    changes: [keys.emails.all(), keys.recipients.all(), keys.campaigns.all(), keys.stats.all()],
    said: () => (isSent ? "Nothing more follows." : "It is stopped, and not sent."),
    failed: "It was not stopped",
  });
  const ask = async () => {
    const sure = await confirm({
      title: isSent ? `Stop what follows for ${recipient}?` : `Stop this email to ${recipient}?`,
      children: `${isSent ? "No later step of the campaign is sent to them." : "It is cancelled, and never sent."} They stay among the recipients of other campaigns.`,
      confirm: "Stop it",
    });
    if (sure) await run();
  };
  return { ask, pending };
}

/** A campaign, or a sender and all its campaigns. */
export interface HeldOf {
  kind: "campaign" | "sender";
  id: number;
}

const ANSWERS = {
  campaign: (id: number, body: Schemas["HeldAnswer"]) =>
    answer(api.POST("/api/campaigns/{id}/held", { params: { path: { id } }, body })),
  sender: (id: number, body: Schemas["HeldAnswer"]) =>
    answer(api.POST("/api/senders/{id}/held", { params: { path: { id } }, body })),
};

/** `pending` is what is being answered; `say` asks first before emails fail. */
export function useHeldAnswer({ kind, id }: HeldOf, held: Held) {
  const { run, input } = useCommand({
    run: (answered: HeldAnswer): Promise<Schemas["Campaign"] | Schemas["Sender"]> =>
      ANSWERS[kind](id, { answer: answered, since: held.since }),
    changes: [keys.campaigns.all(), keys.senders(), keys.emails.all(), keys.stats.all()],
    said: (now, answered) =>
      HELD_ANSWERED[answered]["status" in now && now.status === "PAUSED" ? "paused" : "going"],
    failed: "It is held as it was",
  });
  const say = async (answered: HeldAnswer) => {
    if (answered !== "fail" || (await confirmFail(held))) await run(answered);
  };
  return { pending: input ?? null, say };
}

function confirmFail({ emails }: Held): Promise<boolean> {
  const those = emails === null ? "The emails" : counted(emails, "email");
  return confirm({
    title: "Fail these recipients?",
    children: `${those} that the server has refused in these words will count as failed, and whoever is told of failed emails is told. All others go on.`,
    confirm: "Fail these recipients",
  });
}

/** Asks first who is logged in: a download that is refused would be a file with the refusal in it. */
export function useDownload(path: string) {
  return useCommand({
    run: () => answer(api.GET("/api/auth/me")),
    done: () => download(addressOf(path)),
  });
}

/** A decision on many goes on in the background. */
interface Sent {
  changed: number;
  goesOn: boolean;
}

const VERBS = { retry: "RETRY", aside: "PUT_ASIDE", never: "SUPPRESS" } as const;

async function send(decision: Decision, target: Target): Promise<Sent> {
  if (decision !== "resend" && decision !== "sent") return decideOnFailed(VERBS[decision], target);
  if (!("ids" in target)) {
    const { campaignId } = target;
    return { changed: campaignId ? await resolve(decision, { campaignId }) : 0, goesOn: false };
  }
  let changed = 0;
  for (let first = 0; first < target.ids.length; first += AT_ONCE) {
    changed += await resolve(decision, { ids: target.ids.slice(first, first + AT_ONCE) });
  }
  return { changed, goesOn: false };
}

async function decideOnFailed(verb: (typeof VERBS)[keyof typeof VERBS], target: Target): Promise<Sent> {
  const sent: Sent = { changed: 0, goesOn: false };
  const ids = "ids" in target ? target.ids : null;
  for (let first = 0; first === 0 || first < (ids?.length ?? 0); first += AT_ONCE) {
    const which = "ids" in target ? { ids: target.ids.slice(first, first + AT_ONCE) } : whole(target);
    const told = await answer(api.POST("/api/failures/decisions", { body: { verb, ...which } }));
    if (told.error) throw new Error(told.error);
    sent.changed += told.changed;
    sent.goesOn ||= !told.finishedAt;
  }
  return sent;
}

function whole({ campaignId, reason }: Exclude<Target, { ids: number[] }>) {
  return { ...(campaignId && { campaignId }), ...(reason && { reason }) };
}

async function resolve(
  decision: "resend" | "sent",
  body: { ids: number[] } | { campaignId: number },
): Promise<number> {
  return (await answer(api.POST("/api/emails/resolve", { body: { ...body, as: decision } }))).changed;
}

/** Emails that failed, each to a corrected address. */
export function useCorrections(
  done: (told: Schemas["Mended"], corrections: readonly Schemas["Correction"][]) => void,
) {
  return useCommand({
    run: (corrections: Schemas["Correction"][]) =>
      answer(api.POST("/api/failures/corrections", { body: { corrections } })),
    changes: changed(),
    done,
    said: ({ mended }) => `${counted(mended, "email")} will go to the corrected address.`,
    failed: "Nothing was corrected",
  });
}
