import { IconCircleOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { CANCELLED_FOR } from "@/features/ledger/course";
import classes from "@/features/planning/WaitingNote.module.css";
import { count } from "@/ui/numbers";
import { of } from "./counts";
import { type Campaign, cancelledQuery } from "./queries";

/** Why emails of the campaign were cancelled; nothing where none was. */
export function CancelledNote({ campaign }: { campaign: Campaign }) {
  const n = of(campaign, "CANCELLED");
  const { data } = useQuery({ ...cancelledQuery(campaign.id, n), enabled: n > 0 });
  // Of emails that were removed for their age only how many they were is left.
  if (n === 0 || campaign.emailsRemovedAt || !data || data.items.length === 0) return null;
  const parts = data.items.map((each) => `${count(each.count)} ${CANCELLED_FOR[each.reason].ofMany}`);
  return (
    <p className={classes.note}>
      <IconCircleOff size={16} stroke={1.8} aria-hidden />
      <span>Cancelled: {parts.join(", ")}.</span>
    </p>
  );
}
