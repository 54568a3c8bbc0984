import { Alert, Button, Group, Text } from "@mantine/core";
import { Time } from "@/time/Time";
import { confirm } from "@/ui/confirm";

interface Props {
  savedAt: Date;
  onDiscard: () => void;
}

/** Says that the draft was written earlier, and offers to drop it. */
export function DraftNotice({ savedAt, onDiscard }: Props) {
  const discard = async () => {
    const sure = await confirm({
      title: "Discard the draft?",
      children: "Text, recipients and settings are gone for good.",
      confirm: "Discard the draft",
      cancel: "Keep it",
    });
    if (sure) onDiscard();
  };
  return (
    <Alert color="petrol" mb="md" py="xs" role="status" styles={{ message: { color: "inherit" } }}>
      <Group justify="space-between" gap="xs">
        <Text size="sm">
          Draft restored, from <Time value={savedAt.toISOString()} />.
        </Text>
        <Button variant="subtle" color="gray" size="compact-sm" onClick={discard}>
          Discard
        </Button>
      </Group>
    </Alert>
  );
}
