import { Alert, Box, Button, Drawer, Group, List, Stack, Text } from "@mantine/core";
import { IconDownload, IconHandStop, IconPlus } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { addressOf } from "@/api/client";
import { useDownload } from "@/features/ledger/commands";
import { useMay } from "@/features/workspaces/useMay";
import { useUnsaved } from "@/forms/useUnsaved";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { LoadMore } from "@/ui/LoadMore";
import { count } from "@/ui/numbers";
import { PageHeader } from "@/ui/PageHeader";
import { Panel, Rows } from "@/ui/Panel";
import { SearchField } from "@/ui/SearchField";
import { TableSkeleton } from "@/ui/skeletons";
import { AddForm } from "./AddForm";
import { AllowMany } from "./AllowMany";
import type { Added } from "./commands";
import { countsQuery, type SuppressionFilter, suppressionsQuery } from "./queries";
import { SuppressionRow } from "./SuppressionRow";
import { exportPath } from "./search";
import { REASON, REASONS } from "./words";

const route = getRouteApi("/inside/suppressed");

/** Addresses and domains that the workspace writes to no more. */
export function SuppressedPage() {
  const filter = route.useSearch();
  const navigate = route.useNavigate();
  const mayChange = useMay("member");
  const [adding, setAdding] = useState(false);
  const unsaved = useRef<() => boolean>(null);
  const leave = useUnsaved(() => unsaved.current?.() ?? false);
  const cancel = () => void leave(() => setAdding(false));
  const [added, setAdded] = useState<Added | null>(null);
  const { data: counts } = useQuery(countsQuery());
  const all = counts && Object.values(counts).reduce((sum, n) => sum + n, 0);
  const change = (patch: SuppressionFilter) =>
    navigate({ search: (old) => ({ ...old, ...patch }), replace: true });
  const add = mayChange && (
    <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setAdding(true)}>
      Add
    </Button>
  );
  const isEmpty = all === 0 && !filter.q && !filter.reason;
  return (
    <>
      <PageHeader
        title="Suppressed"
        description="Addresses and domains to which no campaign of this workspace sends anything: who unsubscribed or complained, dead mailboxes, and whom you add."
        actions={add}
      />
      <Stack gap="md">
        {added && added.rejected.length > 0 && <NotUnderstood added={added} done={() => setAdded(null)} />}
        {isEmpty ? (
          <EmptyState icon={IconHandStop} title="Nobody is suppressed" action={add}>
            Whoever unsubscribes comes here by themselves, and so do addresses that a mail server says do not
            exist. Add those who told you otherwise, or a list from the tool that you used before.
          </EmptyState>
        ) : (
          <>
            <Choice
              label="Reason"
              options={[
                { value: undefined, label: "All", n: all },
                ...REASONS.filter((each) => counts?.[each] || each === filter.reason).map((value) => ({
                  value,
                  label: REASON[value].label,
                  n: counts?.[value],
                })),
              ]}
              value={filter.reason}
              onChange={(reason) => change({ reason })}
            />
            <Group component="search" gap="sm">
              <Box flex="1 1 240px">
                <SearchField label="Address or domain" value={filter.q} onChange={(q) => change({ q })} />
              </Box>
              <CsvButton path={exportPath(filter)} />
              {mayChange && (filter.reason === "BOUNCED" || filter.reason === "MANUAL") && (
                <AllowMany reason={filter.reason} />
              )}
            </Group>
            <Found filter={filter} mayChange={mayChange} />
          </>
        )}
      </Stack>
      <Drawer
        opened={adding}
        onClose={cancel}
        position="right"
        size={480}
        title={
          <Text fw={620} size="lg" component="span">
            Send them nothing more
          </Text>
        }
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <AddForm
          done={(what) => {
            setAdding(false);
            setAdded(what);
          }}
          cancel={cancel}
          unsaved={unsaved}
        />
      </Drawer>
    </>
  );
}

function Found({ filter, mayChange }: { filter: SuppressionFilter; mayChange: boolean }) {
  const query = useInfiniteQuery({ ...suppressionsQuery(filter), placeholderData: keepPreviousData });
  if (query.isPending) return <TableSkeleton rows={4} />;
  if (!query.data) return <ErrorState error={query.error} retry={query.refetch} />;
  const found = query.data.pages.flatMap(({ items }) => items);
  if (found.length === 0) {
    return (
      <EmptyState icon={IconHandStop} title="None of these">
        Nobody who is suppressed fits what is sought.
      </EmptyState>
    );
  }
  return (
    <div>
      <Panel
        rows={
          <Rows label="Suppressed">
            {found.map((each) => (
              <SuppressionRow key={each.id} suppression={each} mayChange={mayChange} />
            ))}
          </Rows>
        }
      />
      <LoadMore query={query} shown={found.length} noun="entry" many="entries" />
    </div>
  );
}

function CsvButton({ path }: { path: string }) {
  const { run, pending } = useDownload(path);
  return (
    <Button
      component="a"
      href={addressOf(path)}
      download
      variant="default"
      leftSection={<IconDownload size={16} aria-hidden />}
      loading={pending}
      onClick={(event) => {
        event.preventDefault();
        void run();
      }}
    >
      CSV
    </Button>
  );
}

const SHOWN = 8;

/** Rows of a file that are neither address nor domain. */
function NotUnderstood({ added: { rejected }, done }: { added: Added; done: () => void }) {
  return (
    <Alert
      color="orange"
      title={`${count(rejected.length)} ${rejected.length === 1 ? "row is" : "rows are"} not understood`}
      withCloseButton
      closeButtonLabel="Close"
      onClose={done}
    >
      <List size="sm">
        {rejected.slice(0, SHOWN).map(({ row, email, reason }) => (
          <List.Item key={row}>
            Row {count(row)}, “{email}”: {reason}
          </List.Item>
        ))}
      </List>
      {rejected.length > SHOWN && (
        <Text size="sm" mt={4}>
          And {count(rejected.length - SHOWN)} more.
        </Text>
      )}
    </Alert>
  );
}
