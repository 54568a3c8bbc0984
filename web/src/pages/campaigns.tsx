import { PageHeader } from "@/components/PageHeader";

export function Campaigns() {
  return <PageHeader title="Campaigns" description="Every campaign, how far it is and what holds it back." />;
}
