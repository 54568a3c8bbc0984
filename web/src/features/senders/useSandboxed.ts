import { useQuery } from "@tanstack/react-query";
import { waysQuery } from "@/features/accounts/queries";
import type { Sender } from "./queries";

/** Whether what a sender sends goes to the sandbox: it has no server of its own, and neither has the installation. */
export function useSandboxed(): (sender: Pick<Sender, "host"> | undefined) => boolean {
  const { data: ways } = useQuery(waysQuery);
  return (sender) => ways?.sandbox === true && sender?.host === null;
}
