import { Badge, Group, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { usersQuery } from "@/api/queries";
import { Panel, Row, Rows } from "@/components/Panel";
import { Time } from "@/components/Time";
import { counted } from "@/lib/format";
import { Invitations } from "./Invitations";
import { Listing } from "./Listing";

/** For the administrator: who has an account, and who may make one. */
export function People() {
  const query = useQuery(usersQuery);
  return (
    <Stack>
      <Invitations />
      <Listing query={query}>
        {({ items, nextCursor }) => (
          <Panel
            title="Accounts"
            description={
              nextCursor
                ? "The first 500 accounts."
                : `${counted(items.length, "account")} on this installation.`
            }
            rows={
              <Rows label="Accounts">
                {items.map((user) => (
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
            }
          />
        )}
      </Listing>
    </Stack>
  );
}
