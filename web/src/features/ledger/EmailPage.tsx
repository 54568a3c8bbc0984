import "@mantine/core/styles/Grid.layer.css";
import { Alert, Button, Grid, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { IconChevronLeft, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { ResponsesPanel } from "@/features/inbound/ResponsesPanel";
import { emailWaitingQuery } from "@/features/planning/queries";
import { WaitingNote } from "@/features/planning/WaitingNote";
import { sendersQuery } from "@/features/senders/queries";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { ErrorState } from "@/ui/ErrorState";
import { Facts } from "@/ui/Facts";
import { lazyPart } from "@/ui/lazyPart";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { isGone, NoSuch } from "@/ui/NoSuch";
import { PageHeader } from "@/ui/PageHeader";
import { Part } from "@/ui/Part";
import { StatusBadge } from "@/ui/StatusBadge";
import { PageSkeleton } from "@/ui/skeletons";
import { Attempts } from "./Attempts";
import { useDecisions, useStop } from "./commands";
import { CANCELLED_FOR, explain } from "./course";
import { EmailContent } from "./EmailContent";
import { NextStepNote } from "./NextStepNote";
import { useNeighbours } from "./neighbours";
import { type Email, emailQuery } from "./queries";
import { DECISIONS, decisionsOn, EMAIL_STATUS, FAILURE, SETTLED } from "./words";

const route = getRouteApi("/inside/emails/$id");

export function EmailPage() {
  const { id } = route.useParams();
  const { data: email, error, isPending, refetch } = useQuery({ ...emailQuery(id), enabled: id > 0 });
  if (id === 0 || isGone(error))
    return <NoSuch what="email" action={<ButtonLink to="/sent">Go to what was sent</ButtonLink>} />;
  if (isPending) return <PageSkeleton />;
  if (!email) {
    return (
      <>
        <PageHeader title={`Email ${id}`} />
        <ErrorState error={error} retry={refetch} />
      </>
    );
  }
  return (
    <>
      <PageHeader
        title={email.recipient}
        documentTitle={`Email to ${email.recipient}`}
        description={
          <Group gap={10} component="span">
            <StatusBadge {...EMAIL_STATUS[email.status]} />
            <span>{email.subject}</span>
          </Group>
        }
        actions={<Walk id={id} />}
      />
      <Stack gap="lg">
        <Standing email={email} />
        <ResponsesPanel of={{ emailId: email.id }} />
        <Grid gap="lg">
          <Grid.Col span={{ base: 12, md: 7 }}>
            <Paper withBorder radius="lg" p="lg">
              <Title order={2} mb="md">
                Attempts
              </Title>
              <Attempts attempts={email.attempts} />
            </Paper>
            {!email.erasedAt && (
              <Paper withBorder radius="lg" p="lg" mt="lg">
                <Title order={2} mb="md">
                  What it says
                </Title>
                <EmailContent email={email} />
              </Paper>
            )}
          </Grid.Col>
          <Grid.Col span={{ base: 12, md: 5 }}>
            <Paper withBorder radius="lg" p="lg">
              <Title order={2} mb="xs">
                The email
              </Title>
              <EmailFacts email={email} />
            </Paper>
          </Grid.Col>
        </Grid>
      </Stack>
    </>
  );
}

/** To the emails before and behind it in the list that it was opened from. */
function Walk({ id }: { id: number }) {
  const neighbours = useNeighbours(id);
  if (!neighbours) return null;
  const { before, after } = neighbours;
  return (
    <>
      <ButtonLink
        to="/emails/$id"
        params={{ id: before ?? id }}
        disabled={before === undefined}
        variant="default"
        size="xs"
        aria-label="Previous email of the list"
        leftSection={<IconChevronLeft size={15} aria-hidden />}
      >
        Previous
      </ButtonLink>
      <ButtonLink
        to="/emails/$id"
        params={{ id: after ?? id }}
        disabled={after === undefined}
        variant="default"
        size="xs"
        aria-label="Next email of the list"
        rightSection={<IconChevronRight size={15} aria-hidden />}
      >
        Next
      </ButtonLink>
    </>
  );
}

/** The meaning of its status, and what can be done about it. */
function Standing({ email }: { email: Email }) {
  const { pending, decide } = useDecisions();
  const maySend = useMay("member");
  const [correcting, setCorrecting] = useState(false);
  const decisions = maySend && !email.settled ? decisionsOn(email.status) : [];
  return (
    <Alert color={decisions.length > 0 ? "orange" : "petrol"} radius="lg">
      <Text>{explain(email)}</Text>
      <Decided email={email} />
      {email.status === "SCHEDULED" && <Why id={email.id} />}
      <Next email={email} />
      {(email.status === "SCHEDULED" || email.followAt) && maySend && <Stop email={email} />}
      {decisions.length > 0 && (
        <Stack gap={8} mt="sm">
          {decisions.map((decision) => (
            <Group key={decision} gap="xs" wrap="nowrap" align="flex-start">
              <Button
                size="xs"
                miw={116}
                flex="none"
                variant={decision === "retry" || decision === "resend" ? "filled" : "default"}
                loading={pending}
                onClick={() => decide(decision, { ids: [email.id] })}
              >
                {DECISIONS[decision].button}
              </Button>
              <Text size="sm">{CONSEQUENCES[decision]}</Text>
            </Group>
          ))}
          {email.status === "FAILED" && !email.erasedAt && (
            <Group gap="xs" wrap="nowrap" align="flex-start">
              <Button size="xs" miw={116} flex="none" variant="default" onClick={() => setCorrecting(true)}>
                Correct the address
              </Button>
              <Text size="sm">It goes to the corrected one; this one stays as it is.</Text>
            </Group>
          )}
        </Stack>
      )}
      {correcting && (
        <Part onClose={() => setCorrecting(false)}>
          <CorrectDialog emails={[email]} close={() => setCorrecting(false)} />
        </Part>
      )}
    </Alert>
  );
}

const CorrectDialog = lazyPart(() => import("./CorrectDialog"), "CorrectDialog");

/** A person's decision on one that failed. */
function Decided({ email: { settled, mendedAs, failedFor } }: { email: Email }) {
  if (mendedAs)
    return (
      <Text mt={4}>
        It went to{" "}
        <AnchorLink to="/emails/$id" params={{ id: mendedAs }}>
          a corrected address
        </AnchorLink>
        .
      </Text>
    );
  if (settled) return <Text mt={4}>{SETTLED[settled]}: nobody is asked about it any more.</Text>;
  return failedFor && <Text mt={4}>{FAILURE[failedFor].advice}</Text>;
}

/** The campaign's next step for the recipient, or why there is none. */
function Next({ email: { status, nextStep, stopped } }: { email: Email }) {
  if (status !== "SENT") return null;
  if (nextStep) return <NextStepNote next={nextStep} />;
  return stopped && <Text mt={4}>No later step follows: {CANCELLED_FOR[stopped].label.toLowerCase()}.</Text>;
}

function Stop({ email }: { email: Email }) {
  const { ask, pending } = useStop(email);
  return (
    <Button size="xs" variant="default" mt="sm" loading={pending} onClick={() => void ask()}>
      {email.status === "SENT" ? "Send nothing more to them" : "Stop it"}
    </Button>
  );
}

function Why({ id }: { id: number }) {
  const { data } = useQuery(emailWaitingQuery(id));
  return <WaitingNote waiting={data} />;
}

const CONSEQUENCES = {
  aside: "It stays failed, and nobody is asked about it any more.",
  never: "No campaign of this workspace writes to the address again.",
  retry: "It is tried again from now on. Nobody gets it twice: it was refused.",
  resend: "It goes out once more. If the server took it the first time, the recipient gets it twice.",
  sent: "It counts as sent. If the server did not take it, the recipient never gets it.",
};

function EmailFacts({ email }: { email: Email }) {
  const { data: senders } = useQuery(sendersQuery());
  const sender = senders?.items.find((each) => each.id === email.senderId);
  const fields = Object.entries(email.fields).map(([name, value]) => [name, value || "–"] as const);
  return (
    <Facts
      facts={[
        [
          "To",
          email.erasedAt ? (
            email.recipient
          ) : (
            <AnchorLink key="to" to="/recipients" search={{ email: email.recipient }}>
              {email.recipient}
            </AnchorLink>
          ),
        ],
        ["Subject", email.subject],
        [
          "Campaign",
          <AnchorLink key="campaign" to="/campaigns/$id" params={{ id: email.campaignId }}>
            {email.campaignName}
          </AnchorLink>,
        ],
        [
          "Sender",
          <AnchorLink key="sender" to="/senders">
            {sender?.email ?? `Sender ${email.senderId}`}
          </AnchorLink>,
        ],
        ["Variant", email.variant ?? null],
        [
          email.status === "SCHEDULED" ? "Planned for" : "Was planned for",
          <Time key="planned" value={email.scheduledAt} />,
        ],
        ["Sent", email.sentAt && <Time value={email.sentAt} />],
        ["Message-ID", email.messageId],
        ["Erased", email.erasedAt ? <Time key="erased" value={email.erasedAt} /> : null],
        ...fields,
      ]}
    />
  );
}
