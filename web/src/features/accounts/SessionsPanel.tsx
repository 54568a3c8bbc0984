import { Badge, Button, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { components } from "@/api/schema";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { once } from "@/ui/once";
import { Panel, Row, Rows } from "@/ui/Panel";
import { useEndSession } from "./commands";
import { device } from "./device";
import { sessionsQuery } from "./queries";

export function SessionsPanel() {
  const query = useQuery(sessionsQuery());
  return (
    <Listing query={query}>
      {(sessions) => (
        <Panel
          title="Sessions"
          description="Where you are logged in. If you do not know one, log it out and change your password."
          rows={
            <Rows label="Sessions">
              {sessions.map((session) => (
                <SessionRow key={session.id} session={session} />
              ))}
            </Rows>
          }
        />
      )}
    </Listing>
  );
}

function SessionRow({ session }: { session: components["schemas"]["Session"] }) {
  const name = device(session.userAgent);
  const { run: end, pending } = useEndSession(session, name);
  return (
    <Row
      title={
        <Group gap="xs">
          <span title={session.userAgent}>{name}</span>
          {session.current && <Badge>This one</Badge>}
        </Group>
      }
      facts={
        <>
          <span>{session.address}</span>
          <span>
            Seen <Time value={session.lastSeenAt} mode="relative" />
          </span>
          <span>
            Since <Time value={session.createdAt} />
          </span>
        </>
      }
      actions={
        !session.current && (
          <Button size="xs" variant="default" loading={pending} onClick={once(() => end())}>
            Log out
          </Button>
        )
      }
    />
  );
}
