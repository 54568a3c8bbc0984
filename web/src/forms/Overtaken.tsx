import { Alert, Text } from "@mantine/core";

/** Somebody else has saved something else meanwhile; nothing when `now` is null. */
export function Overtaken({ now }: { now: string | null }) {
  if (now === null) return null;
  return (
    <Alert color="orange" role="status">
      Somebody has changed it meanwhile. Now it is:
      <Text size="sm" my={4} style={{ whiteSpace: "pre-line", overflowWrap: "anywhere" }}>
        {now}
      </Text>
      Saving writes yours over it.
    </Alert>
  );
}
