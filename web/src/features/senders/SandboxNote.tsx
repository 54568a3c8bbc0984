import { Alert, Group } from "@mantine/core";
import { IconTestPipe } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useMay } from "@/features/workspaces/useMay";
import { ButtonLink } from "@/ui/links";

/** Nobody gets what is sent here, and what to do about it. */
export function SandboxNote({ children }: { children: ReactNode }) {
  const mayConnect = useMay("member");
  return (
    <Alert
      color="petrol"
      variant="light"
      py="xs"
      icon={<IconTestPipe aria-hidden />}
      title="Sandbox"
      role="note"
    >
      {children} It lies in the sandbox inbox, and nobody gets it.
      <Group gap="xs" mt={6}>
        {mayConnect && (
          <ButtonLink to="/senders" search={{ edit: "new" }} size="compact-sm" variant="default">
            Connect a mailbox
          </ButtonLink>
        )}
        <ButtonLink to="/sandbox" size="compact-sm" variant="subtle" ml={-8}>
          Sandbox inbox
        </ButtonLink>
      </Group>
    </Alert>
  );
}
