import { Title } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { Campaign } from "@/features/campaigns/queries";
import { emailQuery, emailsQuery } from "@/features/ledger/queries";
import { sendersQuery } from "@/features/senders/queries";
import type { Draft } from "../draft/draft";
import { messageOf, quotedBy } from "../draft/request";
import { fieldsOf } from "./blanks";
import { PreviewPane } from "./PreviewPane";
import { useRendered } from "./useRendered";

interface Props {
  campaign: Campaign;
  draft: Draft;
  looked: { step: string; variant: number };
}

/** A text of a campaign that is scheduled, as one of its recipients would read it. */
export function RunningPreview({ campaign, draft, looked }: Props) {
  const { data: senders } = useQuery(sendersQuery());
  const { data: listed } = useInfiniteQuery(emailsQuery({ campaignId: campaign.id }));
  const id = listed?.pages[0]?.items[0]?.id;
  const { data: email } = useQuery({ ...emailQuery(id ?? 0), enabled: id !== undefined });
  const recipient = email && { email: email.recipient, fields: email.fields };
  const step = draft.steps.find((each) => each.id === looked.step) ?? draft.steps[0];
  const message = messageOf(draft, step, looked.variant);
  const isLater = step !== draft.steps[0];
  const { data, error } = useRendered(
    message,
    recipient,
    campaign.senderId,
    campaign.unsubscribe ?? "none",
    isLater,
    quotedBy(draft, step),
  );
  return (
    <section>
      <Title order={3} size="h4" mt="lg" mb="xs">
        Preview
      </Title>
      <PreviewPane
        sender={senders?.items.find((each) => each.id === campaign.senderId)}
        recipients={{ sample: recipient ? [recipient] : [], count: recipient ? 1 : 0 }}
        at={0}
        onGo={() => {}}
        rendered={data}
        error={error}
        request={data?.request}
        rich={message.rich}
        fields={fieldsOf(message)}
      />
    </section>
  );
}
