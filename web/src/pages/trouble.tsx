import { PageHeader } from "@/components/PageHeader";

export function Trouble() {
  return <PageHeader title="Failed and in doubt" description="Emails that need a decision of yours." />;
}
