import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconSend } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { sentence } from "@/api/problem";
import { meQuery, waysQuery } from "@/features/accounts/queries";
import { AnchorLink } from "@/ui/links";
import { schedule } from "../commands";
import type { Content, Draft } from "../draft/draft";
import { testOf } from "../draft/request";
import type { Recipient } from "../recipients/useRecipients";
import { randomKey } from "./attempt";

interface Props {
  draft: Draft;
  content: Content;
  recipient: Recipient | undefined;
  disabled: boolean;
}

/** Sends what is previewed to the person who writes it. */
export function TestButton({ draft, content, recipient, disabled }: Props) {
  const { data: user } = useQuery(meQuery);
  const { data: ways } = useQuery(waysQuery);
  const test = useMutation({
    mutationFn: (address: string) => schedule(testOf(draft, content, recipient, address), randomKey()),
  });
  return (
    <Stack gap="xs">
      <Button
        variant="default"
        leftSection={<IconSend size={16} aria-hidden />}
        loading={test.isPending}
        disabled={disabled || !user}
        onClick={() => user && test.mutate(user.email)}
      >
        Send a test to myself
      </Button>
      <div aria-live="polite">
        {test.data && (
          <Text size="sm">
            On its way to {user?.email}.{" "}
            <AnchorLink to="/campaigns/$id" params={{ id: test.data.campaign.id }} underline="always">
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
        )}
        {test.error && (
          <Alert color="red" styles={{ message: { color: "inherit" } }}>
            {sentence(test.error)}
          </Alert>
        )}
      </div>
    </Stack>
  );
}
