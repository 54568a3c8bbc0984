import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";
import type { components } from "@/api/schema";
import { waysQuery } from "@/features/accounts/queries";
import type { Unsubscribe } from "@/features/campaigns/queries";
import { type Email, emailQuery } from "@/features/ledger/queries";
import { emailWaitingQuery } from "@/features/planning/queries";
import { WaitingNote } from "@/features/planning/WaitingNote";
import { useCommand } from "@/forms/useCommand";
import { AnchorLink } from "@/ui/links";
import { sendTest } from "../commands";
import type { Content, Draft } from "../draft/draft";
import { testOf } from "../draft/request";
import type { Recipient } from "../recipients/useRecipients";

interface Props {
  draft: Draft;
  /** Of every step. */
  contents: readonly Content[];
  recipient: Recipient | undefined;
  unsubscribe: Unsubscribe;
  disabled: boolean;
}

type Posted = components["schemas"]["Posted"];

/** Sends what is previewed to the person who writes it, and follows it until it has gone. */
export function TestButton({ draft, contents, recipient, unsubscribe, disabled }: Props) {
  const [posted, setPosted] = useState<readonly Posted[]>([]);
  const { run, pending, error } = useCommand({
    run: async () => {
      setPosted([]);
      const sent: Posted[] = [];
      for (const [at, content] of contents.entries())
        sent.push(await sendTest(testOf(draft, content, recipient, unsubscribe, at)));
      return sent;
    },
    changes: [keys.emails.lists()],
    done: setPosted,
    failed: () => undefined, // it is said below the button
  });
  return (
    <Stack gap="xs">
      <Button
        variant="default"
        leftSection={<IconSend size={16} aria-hidden />}
        loading={pending}
        disabled={disabled}
        onClick={() => run()}
      >
        {contents.length > 1 ? "Send a test of all steps to myself" : "Send a test to myself"}
      </Button>
      {contents.length > 1 && (
        <Text size="sm" c="dimmed">
          A minute apart, each as a message by itself.
        </Text>
      )}
      <div aria-live="polite">
        {posted.map((each) => (
          <Followed key={each.emailId} posted={each} />
        ))}
        {error && (
          <Alert color="red" styles={{ message: { color: "inherit" } }}>
            {sentence(error)}
          </Alert>
        )}
      </div>
    </Stack>
  );
}

const LOOK_MS = 1_000;
const ON_ITS_WAY: ReadonlySet<string> = new Set(["SCHEDULED", "SENDING"]);

/** The test's outcome, and while it waits, why. */
function Followed({ posted: { emailId, campaignId, recipient, waiting } }: { posted: Posted }) {
  const { data: ways } = useQuery(waysQuery);
  const { data: email } = useQuery({
    ...emailQuery(emailId),
    refetchInterval: ({ state }) => (ON_ITS_WAY.has(state.data?.status ?? "SCHEDULED") ? LOOK_MS : false),
  });
  const waits = (email?.status ?? "SCHEDULED") === "SCHEDULED";
  const { data: why } = useQuery({ ...emailWaitingQuery(emailId), enabled: waits, placeholderData: waiting });
  return (
    <>
      <Text size="sm">
        {said(email?.status, recipient)}{" "}
        <AnchorLink to="/campaigns/$id" params={{ id: campaignId }} underline="always">
          See the test
        </AnchorLink>
        {ways?.sandbox && (
          <>
            {" or "}
            <AnchorLink to="/sandbox" underline="always">
              the sandbox inbox
            </AnchorLink>
          </>
        )}
      </Text>
      {/* Why a test goes a minute after the one before is said above. */}
      {waits && why?.reason !== "NOT_DUE" && <WaitingNote waiting={why} />}
    </>
  );
}

function said(status: Email["status"] | undefined, recipient: string): string {
  switch (status) {
    case "SENT":
      return `Sent to ${recipient}.`;
    case "FAILED":
      return `The mail server refused it for ${recipient}.`;
    case "UNKNOWN":
      return `It may have reached ${recipient}: no answer came.`;
    case "CANCELLED":
      return "It was cancelled.";
    default:
      return `Going to ${recipient}, before everything that is planned.`;
  }
}
