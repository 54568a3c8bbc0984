import { PageHeader } from "@/components/PageHeader";

export function Sandbox() {
  return (
    <PageHeader
      title="Sandbox inbox"
      description="What the built-in mailbox received. Nothing in it went any further."
    />
  );
}
