/** Commands on the sandbox: apart from the feature's other commands, which come with every page. */

import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useCommand } from "@/forms/useCommand";

export type SandboxReplied = components["schemas"]["SandboxReplied"];

export const replyInSandbox = (id: number, text: string): Promise<SandboxReplied> =>
  answer(api.POST("/api/sandbox/messages/{id}/reply", { params: { path: { id } }, body: { text } }));

export function useSandboxReply(
  run: () => Promise<SandboxReplied>,
  recipient: string,
  done: (replied: SandboxReplied) => void,
) {
  return useCommand({
    run,
    changes: [
      keys.responses.all(),
      keys.campaigns.all(),
      keys.emails.all(),
      keys.recipients.all(),
      keys.suppressions.all(),
    ],
    done,
    said: () => `Recorded, as an answer of ${recipient}.`,
    failed: "It was not answered",
  });
}
