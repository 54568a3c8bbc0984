import { Button, Group } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { Panel, Row, Rows } from "@/ui/Panel";
import { device } from "./device";
import { auditQuery } from "./queries";
import { auditWords } from "./words";

export function AuditPanel() {
  const query = useInfiniteQuery(auditQuery());
  return (
    <Listing query={query}>
      {({ pages }) => (
        <Panel
          title="Audit log"
          description="Who did what in this workspace and to your account, newest first, and from where."
          rows={
            <>
              <Rows label="Audit log">
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
