/** A person's word on emails that ended FAILED or UNKNOWN: asked for, sent, told. */

import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";
import { DECISIONS, type Decision } from "./words";

/** Some emails, or all of a campaign that are in question; `n` of them, as far as the page knows. */
export type Target = { ids: number[] } | { campaignId: number; n: number };

/** The API takes this many ids at once. */
const AT_ONCE = 1_000;

/** `decide` resolves to whether it was done. */
export function useDecisions() {
  const queries = useQueryClient();
  const [pending, setPending] = useState(false);
  const decide = async (decision: Decision, target: Target): Promise<boolean> => {
    const words = DECISIONS[decision];
    const n = "ids" in target ? target.ids.length : target.n;
    const danger = decision !== "retry";
    const asked = { title: words.title(n), children: words.text, confirm: words.button, danger };
    if (!(await confirm(asked))) return false;
    setPending(true);
    try {
      tell(decision, n, await send(decision, target));
      return true;
    } catch (error) {
      notifications.show({ color: "red", title: "Not all of that was done", message: sentence(error) });
      return false;
    } finally {
      setPending(false);
      await Promise.all(
        [keys.emails.all, keys.campaigns.all, keys.stats.all].map((queryKey) =>
          queries.invalidateQueries({ queryKey }),
        ),
      );
    }
  };
  return { pending, decide };
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

function tell(decision: Decision, wanted: number, changed: number) {
  const left = wanted - changed;
  const rest = `${counted(left, "other")} had been decided before, or the campaign is cancelled.`;
  notifications.show({ message: DECISIONS[decision].done(changed) + (left > 0 ? ` ${rest}` : "") });
}
