import { PageHeader } from "@/components/PageHeader";

export function Senders() {
  return <PageHeader title="Senders" description="The mailboxes that campaigns are sent from." />;
}
