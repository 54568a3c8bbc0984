import { Button, Collapse, Stack, Title } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useId, useState } from "react";
import { DnsFindings } from "./DnsFindings";
import type { Sender } from "./queries";
import { WireFindings } from "./WireFindings";

/** Checks whether mail from here arrives as one's own, in a fold: asked for only when somebody opens it. */
export function SenderChecks({ sender }: { sender: Sender }) {
  const [opened, setOpened] = useState(false);
  const id = useId();
  const Icon = opened ? IconChevronDown : IconChevronRight;
  return (
    <div>
      <Button
        variant="subtle"
        size="compact-sm"
        ml={-8}
        leftSection={<Icon size={15} aria-hidden />}
        aria-expanded={opened}
        aria-controls={id}
        onClick={() => setOpened(!opened)}
      >
        Does its mail arrive?
      </Button>
      <Collapse expanded={opened} id={id}>
        <Stack gap="sm" pt="xs">
          <Title order={3} size="sm">
            What a mail on the wire shows
          </Title>
          {opened && <WireFindings sender={sender} />}
          <Title order={3} size="sm">
            What DNS says of the domain
          </Title>
          {opened && <DnsFindings sender={sender} />}
        </Stack>
      </Collapse>
    </div>
  );
}
