import { Button, Group } from "@mantine/core";
import { type InfiniteData, type UseInfiniteQueryResult, useQuery } from "@tanstack/react-query";
import type { components } from "@/api/schema";
import { sendersQuery } from "@/features/senders/queries";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { AnchorLink } from "@/ui/links";
import { Panel, Row, Rows } from "@/ui/Panel";
import { device } from "./device";
import { auditSubject, auditWords } from "./words";

interface Props {
  title: string;
  description: string;
  query: UseInfiniteQueryResult<InfiniteData<components["schemas"]["AuditPage"]>>;
}

export function AuditLog({ title, description, query }: Props) {
  return (
    <Listing query={query}>
      {({ pages }) => (
        <Panel
          title={title}
          description={description}
          rows={
            <>
              <Rows label={title}>
                {pages
                  .flatMap((page) => page.items)
                  .map((entry) => (
                    <Row
                      key={entry.id}
                      title={auditWords(entry.action, entry.subject)}
                      facts={
                        <>
                          <Time value={entry.at} />
                          <span>{entry.who}</span>
                          <Subject subject={entry.subject} />
                          {entry.address && <span>{entry.address}</span>}
                          {entry.userAgent && <span title={entry.userAgent}>{device(entry.userAgent)}</span>}
                        </>
                      }
                    />
                  ))}
              </Rows>
              {query.hasNextPage && (
                <Group p="md" justify="center">
                  <Button
                    variant="default"
                    onClick={() => query.fetchNextPage()}
                    loading={query.isFetchingNextPage}
                  >
                    Show older entries
                  </Button>
                </Group>
              )}
            </>
          }
        />
      )}
    </Listing>
  );
}

/** The subject of an entry, by its name and with the way there, where there is one. */
function Subject({ subject }: { subject: string }) {
  const of = auditSubject(subject);
  const { data: senders } = useQuery({ ...sendersQuery(), enabled: of?.kind === "sender" });
  if (!of) return null;
  const [id] = of.ids;
  if (id === undefined || of.ids.length > 1) return <span>{of.text}</span>;
  switch (of.kind) {
    case "sender":
      return (
        <AnchorLink to="/senders">
          {senders?.items.find((sender) => sender.id === id)?.email ?? of.text}
        </AnchorLink>
      );
    case "campaign":
      return (
        <AnchorLink to="/campaigns/$id" params={{ id }}>
          {of.text}
        </AnchorLink>
      );
    case "email":
      return (
        <AnchorLink to="/emails/$id" params={{ id }}>
          {of.text}
        </AnchorLink>
      );
    default:
      return <span>{of.text}</span>;
  }
}
