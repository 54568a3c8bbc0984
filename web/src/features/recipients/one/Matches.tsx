import { Box, Stack } from "@mantine/core";
import { IconUserSearch } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { emailsQuery } from "@/features/ledger/queries";
import { FormFailure } from "@/forms/FormFailure";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { LoadMore } from "@/ui/LoadMore";
import { AnchorLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { Panel, Row, Rows } from "@/ui/Panel";
import { SearchField } from "@/ui/SearchField";
import { TableSkeleton } from "@/ui/skeletons";

const route = getRouteApi("/inside/recipients");

/**
 * Recipients whose address has `text` in it; `why` that is no address itself, where it looks like one. A pause in typing
 * narrows the list; Enter opens a person, as the rows do.
 */
export function Matches({ text, why = null }: { text: string; why?: string | null }) {
  const navigate = route.useNavigate();
  return (
    <>
      <PageHeader title="Recipients" description="Everything that was and will be sent to one address." />
      <Stack gap="md">
        <Box component="search" maw={420}>
          <SearchField
            label="Address or a part of one"
            value={text || undefined}
            onChange={(q) => navigate({ search: { q }, replace: true })}
            // Who entered what is refused goes on typing: while it was asked about, the field was not there.
            autoFocus={why !== null}
            onEnter={(email) => navigate({ search: { email } })}
          />
        </Box>
        <FormFailure text={why} />
        {text ? (
          <Found text={text} />
        ) : (
          <EmptyState icon={IconUserSearch} title="Whom do you look for?">
            Type an address or a part of one. From every page, the key / leads to the search in the
            navigation.
          </EmptyState>
        )}
      </Stack>
    </>
  );
}

function Found({ text }: { text: string }) {
  const query = useInfiniteQuery({ ...emailsQuery({ q: text }), placeholderData: keepPreviousData });
  if (query.isPending) return <TableSkeleton rows={4} />;
  if (!query.data) return <ErrorState error={query.error} retry={query.refetch} />;
  const found = [
    ...new Set(query.data.pages.flatMap(({ items }) => items.map(({ recipient }) => recipient))),
  ];
  if (found.length === 0) {
    return (
      <EmptyState icon={IconUserSearch} title="Nobody is found">
        No recipient of this workspace's campaigns has “{text}” in their address.
      </EmptyState>
    );
  }
  return (
    <div>
      <Panel
        rows={
          <Rows label="Recipients">
            {found.map((email) => (
              <Row
                key={email}
                title={
                  <AnchorLink to="/recipients" search={{ email }}>
                    {email}
                  </AnchorLink>
                }
              />
            ))}
          </Rows>
        }
      />
      <LoadMore query={query} shown={found.length} noun="recipient" />
    </div>
  );
}
