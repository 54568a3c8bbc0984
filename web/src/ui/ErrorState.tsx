import { Button, Code, Stack, Text, Title } from "@mantine/core";
import { IconCloudOff, IconMapOff, IconRefresh } from "@tabler/icons-react";
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { ApiProblem, sentence, unreachable } from "@/api/problem";
import { EmptyState } from "./EmptyState";
import classes from "./EmptyState.module.css";
import { isNotLoaded } from "./lazyPart";
import { isGone, LOST } from "./NoSuch";

interface Props {
  error: unknown;
  /** The thing that may not be there: "template". */
  what?: string;
  /** Called by the button; without it the page is loaded again. */
  retry?: () => void;
  /** Given by the router, for a page that failed to show. */
  reset?: () => void;
}

/** A page or a part of it could not be shown: why, and a button to try again. */
export function ErrorState({ error, what, retry, reset }: Props) {
  const router = useRouter();
  const queries = useQueryErrorResetBoundary();
  const isCutOff = isNotLoaded(error);
  const shown = isCutOff ? unreachable() : error;
  const again = () => {
    if (isCutOff) return window.location.reload(); // what failed to load is not asked for again

    queries.reset();
    if (retry) return retry();
    reset?.();
    void router.invalidate();
  };
  if (what && isGone(error)) {
    return (
      <div role="alert">
        <EmptyState icon={IconMapOff} title={`There is no such ${what}`}>
          {LOST}
        </EmptyState>
      </div>
    );
  }
  return (
    <Stack align="center" gap="sm" className={classes.root} role="alert">
      <IconCloudOff size={30} stroke={1.5} aria-hidden color="var(--mantine-color-error)" />
      <Title order={2}>{titleOf(shown)}</Title>
      <Text ta="center" maw={520}>
        {wordsOf(shown)}
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

function titleOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return "This page failed";
  return error.status === 422 ? "That cannot be looked up" : error.title;
}

/** Of what an address of the page asked for wrongly, without the API's names for it. */
function wordsOf(error: unknown): string {
  const wrong = error instanceof ApiProblem && error.status === 422 ? Object.values(error.errors) : [];
  return wrong.length > 0 ? wrong.map(sentence).join(" ") : sentence(error);
}
