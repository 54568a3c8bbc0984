import { IconArrowsExchange } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import classes from "@/features/planning/WaitingNote.module.css";
import { sendersQuery } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { counted } from "@/ui/numbers";
import type { Campaign, Given } from "./queries";

/** Why a sender gave emails to others, behind "because". */
const GIVEN_FOR: Readonly<Record<Given["reason"], string>> = {
  TAKEN_OUT: "it was taken out of the campaign",
  CONNECTION: "its server could not be reached for more than an hour",
  LOGIN: "its server would not let it in for more than an hour",
  QUOTA: "its server's quota was used up for more than an hour",
};

/** Emails that senders of the campaign have given to its others, and why; nothing where none has. */
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
