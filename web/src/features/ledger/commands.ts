/** A person's word on emails that ended FAILED or UNKNOWN: asked for, sent, told. And the list of them as a file. */

import { addressOf, answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { download } from "@/ui/download";
import { counted } from "@/ui/numbers";
import { DECISIONS, type Decision } from "./words";

/** Some emails, or all of a campaign that are in question; `n` of them, as far as the page knows. */
export type Target = { ids: number[] } | { campaignId: number; n: number };

/** The API takes this many ids at once. */
const AT_ONCE = 1_000;

const size = (target: Target) => ("ids" in target ? target.ids.length : target.n);

/** `decide` resolves to whether it was done. */
export function useDecisions() {
  const { run, pending } = useCommand({
    run: ({ decision, target }: { decision: Decision; target: Target }) => send(decision, target),
    changes: [keys.emails.all(), keys.campaigns.all(), keys.stats.all()],
    said: (changed, { decision, target }) => outcome(decision, size(target), changed),
    failed: "Not all of that was done",
  });
  const decide = async (decision: Decision, target: Target): Promise<boolean> => {
    const words = DECISIONS[decision];
    const danger = decision !== "retry";
    const asked = { title: words.title(size(target)), children: words.text, confirm: words.button, danger };
    return (await confirm(asked)) && run({ decision, target });
  };
  return { pending, decide };
}

/** Asks first who is logged in: a download that is refused would be a file with the refusal in it. */
export function useDownload(path: string) {
  return useCommand({
    run: () => answer(api.GET("/api/auth/me")),
    done: () => download(addressOf(path)),
  });
}

async function send(decision: Decision, target: Target): Promise<number> {
  if ("campaignId" in target) return sendOne(decision, { campaignId: target.campaignId });
  let changed = 0;
  for (let first = 0; first < target.ids.length; first += AT_ONCE) {
    changed += await sendOne(decision, { ids: target.ids.slice(first, first + AT_ONCE) });
  }
  return changed;
}

async function sendOne(
  decision: Decision,
  body: { ids: number[] } | { campaignId: number },
): Promise<number> {
  const call =
    decision === "retry"
      ? api.POST("/api/emails/retry", { body })
      : api.POST("/api/emails/resolve", { body: { ...body, as: decision } });
  return (await answer(call)).changed;
}

function outcome(decision: Decision, wanted: number, changed: number): string {
  const left = wanted - changed;
  const rest = `${counted(left, "other")} had been decided before, or the campaign is cancelled.`;
  return DECISIONS[decision].done(changed) + (left > 0 ? ` ${rest}` : "");
}
