import { Badge, Button, Group } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "@/api/client";
import { keys } from "@/api/keys";
import type { components } from "@/api/schema";
import { useAction } from "@/forms/useAction";
import { Time } from "@/time/Time";
import { Listing } from "@/ui/Listing";
import { Panel, Row, Rows } from "@/ui/Panel";
import { device } from "./device";
import { sessionsQuery } from "./queries";

export function SessionsPanel() {
  const query = useQuery(sessionsQuery);
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
  const queries = useQueryClient();
  const { run, pending } = useAction();
  const name = device(session.userAgent);
  const end = () =>
    run(async () => {
      await answer(api.DELETE("/api/auth/sessions/{id}", { params: { path: { id: session.id } } }));
      await queries.invalidateQueries({ queryKey: keys.sessions });
      notifications.show({ message: `${name} at ${session.address} is logged out.` });
    });
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
          <Button size="xs" variant="default" loading={pending} onClick={end}>
            Log out
          </Button>
        )
      }
    />
  );
}
