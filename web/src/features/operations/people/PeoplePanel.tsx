import { Badge, Group, Stack } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { LoadMore } from "@/ui/LoadMore";
import { Panel, Row, Rows } from "@/ui/Panel";
import { usersQuery } from "../queries";
import { InvitationsPanel } from "./InvitationsPanel";

/** For the administrator: who has an account, and who may make one. */
export function PeoplePanel() {
  const query = useInfiniteQuery(usersQuery());
  return (
    <Stack>
      <InvitationsPanel />
      <Listing query={query}>
        {({ pages }) => {
          const accounts = pages.flatMap((page) => page.items);
          return (
            <Panel
              title="Accounts"
              description="Who has an account on this installation, the first one first."
              rows={
                <>
                  <Rows label="Accounts">
                    {accounts.map((user) => (
                      <Row
                        key={user.id}
                        title={
                          <Group gap="xs">
                            <span>{user.email}</span>
                            {user.isAdmin && <Badge>Administrator</Badge>}
                          </Group>
                        }
                        facts={
                          <span>
                            Since <Time value={user.createdAt} />
                          </span>
                        }
                      />
                    ))}
                  </Rows>
                  <LoadMore query={query} shown={accounts.length} noun="account" />
                </>
              }
            />
          );
        }}
      </Listing>
    </Stack>
  );
}
