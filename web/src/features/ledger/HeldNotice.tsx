import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconHourglassEmpty } from "@tabler/icons-react";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { useNow } from "@/time/useNow";
import { type HeldOf, useHeldAnswer } from "./commands";
import classes from "./HeldNotice.module.css";
import type { Held } from "./queries";
import { HELD, metBy } from "./words";

interface Props {
  held: Held;
  of: HeldOf;
  /** A person has paused it, too: nothing is tried meanwhile. */
  paused?: boolean;
}

/** A hold by a server's words: why, until when, and what a person may answer. */
export function HeldNotice({ held, of, paused = false }: Props) {
  const now = useNow();
  const maySend = useMay("member");
  const { pending, say } = useHeldAnswer(of, held);
  const refused = held.reason === "REFUSED";
  const Icon = refused ? IconAlertTriangle : IconHourglassEmpty;
  return (
    <Alert
      color={refused ? "orange" : "gray"}
      title={HELD[held.reason].title[of.kind]}
      icon={<Icon aria-hidden />}
    >
      <div className={classes.words}>{held.words}</div>
      <Text size="sm" mt={6}>
        {metBy(held)} since <Time value={held.since} />. {HELD[held.reason].text}{" "}
        {paused ? (
          "It is paused: the next try comes once it is resumed."
        ) : Date.parse(held.probeAt) > now ? (
          <>
            The next try is at <Time value={held.probeAt} />.
          </>
        ) : (
          "The next email that is due is the next try."
        )}
      </Text>
      {refused && maySend && (
        <Group gap={6} mt="sm">
          <Button
            size="xs"
            variant="default"
            loading={pending === "try"}
            disabled={pending !== null}
            onClick={() => say("try")}
          >
            {of.kind === "campaign" ? "The text is mended: try now" : "It is mended: try now"}
          </Button>
          <Button
            size="xs"
            variant="default"
            c="var(--mantine-color-error)"
            loading={pending === "fail"}
            disabled={pending !== null}
            onClick={() => say("fail")}
          >
            Fail these recipients
          </Button>
          <Button
            size="xs"
            variant="default"
            loading={pending === "go_on"}
            disabled={pending !== null}
            onClick={() => say("go_on")}
          >
            Go on
          </Button>
        </Group>
      )}
    </Alert>
  );
}
