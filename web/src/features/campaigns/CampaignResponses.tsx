import { useMayRead } from "@/features/inbound/useMayRead";
import { rate } from "@/features/inbound/words";
import { Figures } from "@/ui/Figures";
import { AnchorLink } from "@/ui/links";
import { count } from "@/ui/numbers";
import type { Campaign } from "./queries";

/** How many of its emails something came back for, and what; nothing where nothing did. */
export function CampaignResponses({ campaign: { id, counts, responses } }: { campaign: Campaign }) {
  const mayRead = useMayRead();
  if (!responses || Object.values(responses).every((n) => n === 0)) return null;
  const sent = counts.SENT ?? 0;
  const figures = (
    [
      ["Replied", responses.replied, "REPLY"],
      ["Automatic", responses.autoReplied, "AUTO_REPLY"],
      ["Bounced", responses.bounced, "BOUNCE"],
      ["Unsubscribed", responses.unsubscribed, "UNSUBSCRIBE"],
      ["Complained", responses.complained, "COMPLAINT"],
    ] as const
  ).map(([label, n, kind]) => ({
    label,
    value:
      n > 0 && mayRead ? (
        <AnchorLink to="/replies" search={{ campaignId: id, kind }}>
          {count(n)}
        </AnchorLink>
      ) : (
        count(n)
      ),
    note: rate(n, sent),
  }));
  return <Figures label="What came back" figures={figures} />;
}
