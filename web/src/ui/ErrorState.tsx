import { Button, Code, Stack, Text, Title } from "@mantine/core";
import { IconCloudOff, IconRefresh } from "@tabler/icons-react";
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { ApiProblem, sentence } from "@/api/problem";
import classes from "./EmptyState.module.css";

interface Props {
  error: unknown;
  /** What the button does; without it the page is loaded again. */
  retry?: () => void;
  /** Given by the router, for a page that failed to show. */
  reset?: () => void;
}

/** A page or a part of it could not be shown: why, and a button to try again. */
export function ErrorState({ error, retry, reset }: Props) {
  const router = useRouter();
  const queries = useQueryErrorResetBoundary();
  const again = () => {
    queries.reset();
    if (retry) return retry();
    reset?.();
    void router.invalidate();
  };
  return (
    <Stack align="center" gap="sm" className={classes.root} role="alert">
      <IconCloudOff size={30} stroke={1.5} aria-hidden color="var(--mantine-color-error)" />
      <Title order={2}>{error instanceof ApiProblem ? error.title : "This page failed"}</Title>
      <Text ta="center" maw={520}>
        {sentence(error)}
      </Text>
      {error instanceof ApiProblem && error.status >= 500 && (
        <Text size="sm" c="dimmed">
          Status <Code>{error.status}</Code>
        </Text>
      )}
      <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />} onClick={again}>
        Try again
      </Button>
    </Stack>
  );
}
