import { Box, Button, Stack } from "@mantine/core";
import { IconMailSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { useMay } from "@/features/workspaces/useMay";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { LoadMore } from "@/ui/LoadMore";
import { lazyPart } from "@/ui/lazyPart";
import { Part } from "@/ui/Part";
import { choose, chooseAll, NOTHING } from "@/ui/selection";
import { TableSkeleton } from "@/ui/skeletons";
import { type Column, EmailTable } from "./EmailTable";
import { rememberList } from "./neighbours";
import { type EmailFilter, type EmailSummary, emailsQuery } from "./queries";
import { SelectionBar } from "./SelectionBar";
import { isNarrowed } from "./search";
import { decisionsOn } from "./words";

interface Props {
  filter: EmailFilter;
  columns: readonly Column[];
  /** How many of `filter.campaignId` are in this status, to decide on all of them at once. */
  whole?: number | undefined;
  /** Shown when there is none and nothing is filtered. */
  empty: ReactNode;
  /** Takes away what a person filtered by; undefined when that is nothing. */
  clear?: (() => void) | undefined;
}

const CorrectDialog = lazyPart(() => import("./CorrectDialog"), "CorrectDialog");

/** The API takes this many at once; more by hand nobody does. */
const MOST_CORRECTED = 200;

/** Emails that fit, page by page, and what can be decided about them. */
export function EmailList(props: Props) {
  // As they were when the dialog was opened: it outlives what the list loses meanwhile.
  const [corrected, correct] = useState<readonly EmailSummary[] | null>(null);
  return (
    <>
      <Found {...props} correct={correct} />
      {corrected && (
        <Part onClose={() => correct(null)}>
          <CorrectDialog emails={corrected} close={() => correct(null)} />
        </Part>
      )}
    </>
  );
}

interface FoundProps extends Props {
  correct: (emails: readonly EmailSummary[]) => void;
}

function Found({ filter, columns, whole, empty, clear, correct }: FoundProps) {
  const query = useInfiniteQuery({
    ...emailsQuery(filter),
    placeholderData: keepPreviousData,
    // A long list would be read again page after page.
    refetchOnWindowFocus: ({ state }) => (state.data?.pages.length ?? 0) <= 1,
  });
  const maySend = useMay("member");
  const [selection, setSelection] = useState(NOTHING);
  const list = JSON.stringify(filter);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list, so nothing of it is chosen
  useEffect(() => {
    setSelection(NOTHING);
    rememberList(filter);
  }, [list]);

  if (query.isPending) return <TableSkeleton />;
  if (!query.data) return <ErrorState error={query.error} retry={() => query.refetch()} />;
  const pages = query.data.pages.map((page) => page.items);
  const ids = pages.flatMap((emails) => emails.map((email) => email.id));
  if (ids.length === 0) return clear ? <NothingFits clear={clear} /> : empty;
  const chosen = ids.filter((id) => selection.chosen.has(id));
  const decisions = maySend ? decisionsOn(filter.status) : [];
  return (
    // Rows of the list before can be read on, and nothing be decided about them.
    <Stack gap={0} opacity={query.isPlaceholderData ? 0.5 : 1} inert={query.isPlaceholderData}>
      {decisions.length > 0 && (
        <SelectionBar
          decisions={decisions}
          chosen={chosen}
          loaded={ids.length}
          whole={
            filter.campaignId && !isNarrowed(filter) && whole
              ? { campaignId: filter.campaignId, n: whole }
              : null
          }
          more={
            filter.status === "FAILED" && (
              <Button
                size="xs"
                variant="default"
                disabled={chosen.length === 0 || chosen.length > MOST_CORRECTED}
                onClick={() => correct(pages.flat().filter(({ id }) => selection.chosen.has(id)))}
              >
                Correct addresses
              </Button>
            )
          }
          onAll={(on) => setSelection(chooseAll(ids, on))}
        />
      )}
      <EmailTable
        pages={pages}
        columns={columns}
        {...(decisions.length > 0 && {
          chosen: selection.chosen,
          onChoose: (id: number, on: boolean, range: boolean) =>
            setSelection((old) => choose(old, ids, id, on, range)),
        })}
      />
      <LoadMore query={query} shown={ids.length} noun="email" />
    </Stack>
  );
}

function NothingFits({ clear }: { clear: () => void }) {
  return (
    <Box>
      <EmptyState
        icon={IconMailSearch}
        title="No email fits"
        action={
          <Button variant="default" onClick={clear}>
            Clear the filters
          </Button>
        }
      >
        Nothing here has that recipient, campaign and sender.
      </EmptyState>
    </Box>
  );
}
