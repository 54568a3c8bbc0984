import "@mantine/core/styles/Progress.layer.css";
import { Alert, Badge, Button, Group, Progress, Skeleton, Stack, Text, Title } from "@mantine/core";
import {
  IconArchive,
  IconPencil,
  IconPlugConnected,
  IconPlugConnectedX,
  IconTrash,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent } from "react";
import { sentence } from "@/api/problem";
import { HeldNotice } from "@/features/ledger/HeldNotice";
import { hourlyQuery } from "@/features/operations/queries";
import { SenderWaiting } from "@/features/planning/SenderWaiting";
import { useMay } from "@/features/workspaces/useMay";
import { useNow } from "@/time/useNow";
import { ButtonLink } from "@/ui/links";
import { count } from "@/ui/numbers";
import { ConnectButton } from "./ConnectButton";
import { useDeleteSender, useRetireSender, useVerifySender } from "./commands";
import { lapsed } from "./connecting";
import { dayOf } from "./dayOf";
import { HourBars } from "./HourBars";
import { mailProvidersQuery, type Sender } from "./queries";
import classes from "./SenderCard.module.css";
import { SenderChecks } from "./SenderChecks";
import { SenderLimits } from "./SenderLimits";
import { SenderState } from "./SenderState";

interface Props {
  sender: Sender;
  /** The server that a sender without one of its own sends through. */
  fallback: string;
  /** It was saved a moment ago: its server is asked whether it lets it in. */
  saved: boolean;
}

export function SenderCard({ sender, fallback, saved }: Props) {
  const verify = useVerifySender(sender);
  const retire = useRetireSender(sender);
  const ownServer = sender.host !== null;
  const onSaved = useEffectEvent(() => {
    if (ownServer) void verify.run();
  });
  useEffect(() => {
    if (saved) onSaved();
  }, [saved]);
  const remove = useDeleteSender(sender);
  const mayChange = useMay("member");
  const server =
    sender.host === null
      ? fallback
      : `${sender.host}, port ${sender.port}, ${SECURITY[sender.security ?? "none"]}`;
  return (
    <article className={classes.card} aria-label={sender.email}>
      <div className={classes.grid}>
        <div className={classes.identity}>
          <Group gap="xs" wrap="nowrap">
            <Title order={2} className={classes.address ?? ""}>
              {sender.email}
            </Title>
            {sender.isDefault && <Badge flex="none">Default</Badge>}
          </Group>
          {sender.displayName && <Text className={classes.address ?? ""}>{sender.displayName}</Text>}
          <Text size="sm" c="dimmed" style={{ overflowWrap: "anywhere" }}>
            {server}
            <LoginWay sender={sender} />
          </Text>
        </div>
        <HourUse sender={sender} />
        <Day sender={sender} />
      </div>
      <Stack gap="xs" className={classes.foot ?? ""}>
        <SenderLimits sender={sender} />
        <Lapsed sender={sender} />
        {sender.held && <HeldNotice held={sender.held} of={{ kind: "sender", id: sender.id }} />}
        <SenderWaiting senderId={sender.id} />
        <div className={classes.state}>
          <SenderState sender={sender} verifying={verify.pending} failure={verify.error} />
          {mayChange && (
            <Group gap={6} wrap="wrap">
              <Button
                size="xs"
                variant="default"
                leftSection={<IconPlugConnected size={15} aria-hidden />}
                loading={verify.pending}
                onClick={() => verify.run()}
              >
                Verify
              </Button>
              <ButtonLink
                to="/senders"
                search={{ edit: sender.id }}
                size="xs"
                variant="default"
                leftSection={<IconPencil size={15} aria-hidden />}
              >
                Edit
              </ButtonLink>
              {!sender.isDefault && (
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<IconArchive size={15} aria-hidden />}
                  loading={retire.pending}
                  onClick={retire.ask}
                >
                  Retire
                </Button>
              )}
              {!sender.isDefault && (
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<IconTrash size={15} aria-hidden />}
                  loading={remove.pending}
                  onClick={remove.ask}
                >
                  Delete
                </Button>
              )}
            </Group>
          )}
        </div>
        {sender.host !== null && <SenderChecks sender={sender} />}
        {retire.error && (
          <Alert color="red" role="alert" withCloseButton closeButtonLabel="Close" onClose={retire.reset}>
            {sender.email} was not retired. {sentence(retire.error)}
          </Alert>
        )}
        {remove.error && (
          <Alert color="red" role="alert" withCloseButton closeButtonLabel="Close" onClose={remove.reset}>
            {sender.email} was not deleted. {sentence(remove.error)}
          </Alert>
        )}
      </Stack>
    </article>
  );
}

const SECURITY = { none: "not encrypted", starttls: "STARTTLS", tls: "TLS" };

function LoginWay({ sender: { credential } }: { sender: Sender }) {
  const { data: providers } = useQuery(mailProvidersQuery());
  if (credential.kind !== "OAUTH") return null;
  const label = providers?.find(({ name }) => name === credential.provider)?.label ?? credential.provider;
  return <>, connected with {label}</>;
}

function Lapsed({ sender }: { sender: Sender }) {
  const mayChange = useMay("member");
  const ended = lapsed(sender);
  if (!ended) return null;
  return (
    <Alert color="red" title="Connect this mailbox again" icon={<IconPlugConnectedX aria-hidden />}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          Its provider lets us in no more. Its emails wait, none is lost.{" "}
          {ended.error && sentence(ended.error)}
        </Text>
        {mayChange && <ConnectButton provider={ended.provider} senderId={sender.id} size="xs" />}
      </Stack>
    </Alert>
  );
}

function HourUse({ sender }: { sender: Sender }) {
  const share = Math.min(100, (sender.usedThisHour / sender.hourlyLimit) * 100);
  return (
    <div>
      <div className={classes.figure}>
        <span>This hour</span>
        <span className="tabular">
          <strong>{count(sender.usedThisHour)}</strong> of {count(sender.hourlyLimit)}
        </span>
      </div>
      <Progress
        value={share}
        color={share >= 100 ? "var(--status-unknown)" : "var(--status-sent)"}
        aria-label={`${count(sender.usedThisHour)} of ${count(sender.hourlyLimit)} emails this hour`}
      />
      {share >= 100 && (
        <Text size="sm" c="dimmed" mt={6}>
          Full until the next hour begins.
        </Text>
      )}
    </div>
  );
}

function Day({ sender }: { sender: Sender }) {
  const now = useNow();
  const { data } = useQuery({ ...hourlyQuery({ hours: 25 }), refetchInterval: 15_000 });
  const slots = data && dayOf(sender.id, data, new Date(now));
  const used = slots?.reduce((sum, slot) => sum + slot.used, 0);
  return (
    <div>
      <div className={classes.figure}>
        <span>Today</span>
        <span className="tabular">{used === undefined ? "" : <strong>{count(used)}</strong>}</span>
      </div>
      {slots ? <HourBars slots={slots} limit={sender.hourlyLimit} now={now} /> : <Skeleton height={63} />}
    </div>
  );
}
