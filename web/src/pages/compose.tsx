import { PageHeader } from "@/components/PageHeader";

export function Compose() {
  return <PageHeader title="New campaign" description="Write it, choose who gets it, see the plan, send." />;
}
