import { Button, Group } from "@mantine/core";
import type { InfiniteData, UseInfiniteQueryResult } from "@tanstack/react-query";
import type { components } from "@/api/schema";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { Panel, Row, Rows } from "@/ui/Panel";
import { device } from "./device";
import { auditWords } from "./words";

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
                          {entry.subject.includes("/") && <span>{entry.subject}</span>}
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
