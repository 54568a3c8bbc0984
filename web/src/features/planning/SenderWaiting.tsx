import { useQuery } from "@tanstack/react-query";
import { sendersQuery } from "@/features/senders/queries";
import { sendersWaitingQuery } from "./queries";
import { WaitingNote } from "./WaitingNote";
import type { WaitReason } from "./words";

/** A sender's card says these by itself, with more of the server's words. */
const TOLD: ReadonlySet<WaitReason> = new Set(["SENDER_BLOCKED", "REFUSED", "PAUSED"]);

/** Why what a sender sends next does not go now. All senders are asked about at once. */
export function SenderWaiting({ senderId }: { senderId: number }) {
  const { data: senders } = useQuery(sendersQuery());
  const { data } = useQuery(sendersWaitingQuery(senders?.items.map(({ id }) => id) ?? []));
  const waiting = data?.find((each) => each.senderId === senderId)?.waiting;
  return <WaitingNote waiting={waiting && TOLD.has(waiting.reason) ? null : waiting} />;
}
