import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconHandStop } from "@tabler/icons-react";
import { AllowAgain } from "@/features/suppressions/AllowAgain";
import { useSuppress } from "@/features/suppressions/commands";
import type { Suppression } from "@/features/suppressions/queries";
import { REASON } from "@/features/suppressions/words";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";

interface Props {
  email: string;
  suppressions: readonly Suppression[];
}

/** Whether anything is sent to them still, why not, and how that is changed. */
export function Standing({ email, suppressions }: Props) {
  const mayChange = useMay("member");
  const { ask, pending } = useSuppress(email);
  if (suppressions.length === 0) {
    if (!mayChange) return null;
    return (
      <Button
        variant="default"
        leftSection={<IconHandStop size={16} aria-hidden />}
        loading={pending}
        onClick={() => void ask()}
        style={{ alignSelf: "flex-start" }}
      >
        Send them nothing more
      </Button>
    );
  }
  return (
    <Alert color="orange" radius="lg" icon={<IconHandStop aria-hidden />} title="Nothing is sent to them">
      <Stack gap="sm">
        {suppressions.map((each) => (
          <Group key={each.id} justify="space-between" gap="xs">
            <Text flex="1 1 240px">
              {each.domain !== null && `All of ${each.domain} is suppressed. `}
              {REASON[each.reason].sentence} Since <Time value={each.createdAt} />.
              {each.note && ` “${each.note}”`}
            </Text>
            {mayChange && <AllowAgain suppression={each} />}
          </Group>
        ))}
      </Stack>
    </Alert>
  );
}
