import { useQuery } from "@tanstack/react-query";
import { hourlyQuery, totalsQuery } from "@/features/operations/queries";
import { useMay } from "@/features/workspaces/useMay";
import { dayAround } from "@/time/days";
import { useNow } from "@/time/useNow";
import { Figures } from "@/ui/Figures";
import { AnchorLink } from "@/ui/links";
import { count } from "@/ui/numbers";
import { dueText, sentSince } from "./today";

/** Where everything stands today, over all campaigns. */
export function CampaignsSummary() {
  const { begin, end } = dayAround(new Date(useNow()));
  const { data: totals } = useQuery(totalsQuery(end.toISOString()));
  const { data: hours } = useQuery(hourlyQuery({ hours: 25 }));
  const n = totals?.counts ?? {};
  const mayDecide = useMay("member");
  const trouble = (totals?.undecided ?? 0) + (n.UNKNOWN ?? 0);
  return (
    <Figures
      label="Today"
      figures={[
        { label: "Sent today", value: hours && count(sentSince(hours, begin)) },
        { label: "Due today", value: totals && dueText(totals.due), note: "until midnight" },
        {
          label: "Waiting",
          value: totals && count((n.SCHEDULED ?? 0) + (n.SENDING ?? 0)),
          note: <AnchorLink to="/scheduled">Scheduled</AnchorLink>,
        },
        {
          label: "Failed or in doubt",
          value: totals && count(trouble),
          note:
            trouble > 0 ? (
              <AnchorLink to="/trouble">{mayDecide ? "Decide" : "See them"}</AnchorLink>
            ) : (
              "nothing to decide"
            ),
        },
      ]}
    />
  );
}
