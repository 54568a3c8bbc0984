import { PageHeader } from "@/components/PageHeader";

export function Sent() {
  return <PageHeader title="Sent" description="Emails that a mail server has accepted." />;
}
