import { Group, Text } from "@mantine/core";

/** The mark alone: a letter arriving in a tray. */
export function Mark({ size = 28 }: { size?: number }) {
  return <img src="/favicon.svg" alt="" width={size} height={size} />;
}

export function Wordmark({ size = 28 }: { size?: number }) {
  return (
    <Group gap={10} wrap="nowrap">
      <Mark size={size} />
      <Text component="span" inherit fw={640} fz={size * 0.62} lh={1} lts="-0.02em">
        ReachInbox
      </Text>
    </Group>
  );
}
