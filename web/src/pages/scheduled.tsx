import { PageHeader } from "@/components/PageHeader";

export function Scheduled() {
  return <PageHeader title="Scheduled" description="Emails that wait for their time." />;
}
