import { IconArrowsExchange } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import classes from "@/features/planning/WaitingNote.module.css";
import { sendersQuery } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { counted } from "@/ui/numbers";
import type { Campaign } from "./queries";
import { GIVEN_FOR } from "./words";

/** What senders of the campaign have given to its others, and why; nothing where none has. */
export function GivenNotes({ campaign }: { campaign: Campaign }) {
  const { data } = useQuery(sendersQuery());
  return campaign.senders.map(({ senderId, given }) => {
    if (!given) return null;
    const email = data?.items.find((each) => each.id === senderId)?.email ?? `sender ${senderId}`;
    return (
      <p key={senderId} className={classes.note}>
        <IconArrowsExchange size={16} stroke={1.8} aria-hidden />
        <span>
          {email} gave {counted(given.emails, "email")} to the campaign's other senders on{" "}
          <Time value={given.at} />, because {GIVEN_FOR[given.reason]}. What it had begun stays with it.
        </span>
      </p>
    );
  });
}
