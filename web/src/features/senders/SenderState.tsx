import { Alert, Anchor, Group, Loader, Text } from "@mantine/core";
import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleDashed,
  IconPlugConnectedX,
} from "@tabler/icons-react";
import { sentence } from "@/api/problem";
import { duration } from "@/time/format";
import { Time } from "@/time/Time";
import { useNow } from "@/time/useNow";
import { adviceOn } from "./advice";
import type { Sender } from "./queries";
import classes from "./SenderCard.module.css";

interface Props {
  sender: Sender;
  verifying: boolean;
  /** Why no worker could say whether the server lets us in. */
  failure: Error | null;
}

/** How sender and server get on, in words; said to a screen reader as it changes, so the passing of time is not in it. */
export function SenderState({ sender, verifying, failure }: Props) {
  return (
    <div aria-live="polite" className={classes.told}>
      <BackOff sender={sender} />
      {verifying ? (
        <Line icon={<Loader size={15} aria-hidden />}>
          Connecting to the server. An answer may take up to a minute.
        </Line>
      ) : failure ? (
        <Alert color="red" title="Not verified" icon={<IconPlugConnectedX aria-hidden />}>
          {sentence(failure)}
        </Alert>
      ) : (
        <Verified sender={sender} />
      )}
    </div>
  );
}

function BackOff({ sender: { blockedUntil, blockReason } }: { sender: Sender }) {
  const now = useNow();
  if (blockedUntil === null || Date.parse(blockedUntil) <= now) return null;
  return (
    <Alert
      color="orange"
      title="Sending is paused for a while"
      icon={<IconAlertTriangle aria-hidden />}
      mb="xs"
    >
      <Said words={blockReason ?? ""} />
      <Text size="sm" mt={4}>
        Next try at <Time value={blockedUntil} />
        <span aria-hidden>
          , in <strong className="tabular">{duration(Date.parse(blockedUntil) - now)}</strong>
        </span>
        . Its emails wait, none is lost.
      </Text>
    </Alert>
  );
}

/** Advice on the words, where we have some, and under it the words. */
function Said({ words }: { words: string }) {
  const advice = adviceOn(words);
  return (
    <>
      {advice && (
        <Text size="sm" mb={6}>
          {advice.text}
          {advice.link && (
            <>
              {" "}
              <Anchor href={advice.link.url} target="_blank" rel="noreferrer" inherit underline="always">
                {advice.link.name}
              </Anchor>
            </>
          )}
        </Text>
      )}
      <div className={classes.words}>{sentence(words)}</div>
    </>
  );
}

/** The error of the last check, unless the sender is backed off for the same, which is said above. */
function Verified({ sender: { verifiedAt, verifyError, blockedUntil, blockReason } }: { sender: Sender }) {
  const now = useNow();
  if (blockedUntil !== null && Date.parse(blockedUntil) > now && verifyError === blockReason) return null;
  if (verifyError !== null && verifiedAt !== null) {
    return (
      <Alert color="red" title="Not verified" icon={<IconPlugConnectedX aria-hidden />}>
        <Said words={verifyError} />
        <Text size="sm" mt={4}>
          Tried on <Time value={verifiedAt} />.
        </Text>
      </Alert>
    );
  }
  if (verifiedAt !== null) {
    return (
      <Line icon={<IconCircleCheck size={17} color="var(--status-sent)" aria-hidden />}>
        Verified on <Time value={verifiedAt} />: the server lets this sender in.
      </Line>
    );
  }
  return (
    <Line icon={<IconCircleDashed size={17} aria-hidden />}>
      Not verified yet. Verify to see whether the server lets this sender in.
    </Line>
  );
}

function Line({ icon, children }: { icon: React.ReactNode; children: React.ReactNode }) {
  return (
    <Group gap={8} wrap="nowrap" mih={22}>
      {icon}
      <Text size="sm" c="dimmed">
        {children}
      </Text>
    </Group>
  );
}
