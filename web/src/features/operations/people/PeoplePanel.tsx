import { Badge, Group, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { counted } from "@/ui/numbers";
import { Panel, Row, Rows } from "@/ui/Panel";
import { usersQuery } from "../queries";
import { InvitationsPanel } from "./InvitationsPanel";

/** For the administrator: who has an account, and who may make one. */
export function PeoplePanel() {
  const query = useQuery(usersQuery);
  return (
    <Stack>
      <InvitationsPanel />
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
