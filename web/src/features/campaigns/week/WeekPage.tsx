import { Paper, Select, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { IconCalendarOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { AGAIN_MS } from "@/api/reading";
import { sendersQuery } from "@/features/senders/queries";
import { dayAround } from "@/time/days";
import { timezone } from "@/time/format";
import { Time } from "@/time/Time";
import { useNow } from "@/time/useNow";
import { Count } from "@/ui/Count";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { HourGrid } from "@/ui/HourGrid";
import { AnchorLink } from "@/ui/links";
import { counted } from "@/ui/numbers";
import { PageHeader } from "@/ui/PageHeader";
import { grid } from "../grid";
import { type Planned, plannedQuery } from "../queries";

const HOURS = 7 * 24;
/** Calendar days that so many hours touch: eight, and nine where the clocks are put forward. */
const MOST_DAYS = 9;
const route = getRouteApi("/inside/week");

/** The plan of the next seven times 24 hours, over all campaigns. */
export function WeekPage() {
  const { senderId } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: senders } = useQuery(sendersQuery());
  const { data, error, refetch } = useQuery({
    ...plannedQuery({ hours: HOURS, senderId }),
    refetchInterval: AGAIN_MS,
  });
  return (
    <>
      <PageHeader title="This week" description="What is planned to go when, over all campaigns." />
      <Stack gap="lg">
        {senders && senders.items.length > 1 && (
          <Select
            label="Mailbox"
            placeholder="all of them"
            data={senders.items.map(({ id, email }) => ({ value: `${id}`, label: email }))}
            value={senderId === undefined ? null : `${senderId}`}
            onChange={(id) => navigate({ search: { senderId: id ? Number(id) : undefined }, replace: true })}
            clearable
            clearButtonProps={{ "aria-label": "All mailboxes" }}
            maw={340}
          />
        )}
        {data ? (
          <Week planned={data} />
        ) : error ? (
          <ErrorState error={error} retry={refetch} />
        ) : (
          <Skeleton height={220} radius="lg" />
        )}
      </Stack>
    </>
  );
}

function Week({ planned }: { planned: Planned }) {
  const now = new Date(useNow());
  const { hours, campaigns, others } = planned;
  if (campaigns.length === 0) {
    return (
      <EmptyState icon={IconCalendarOff} title="Nothing is planned for the next seven days">
        What you schedule shows here by day and hour.
      </EmptyState>
    );
  }
  const asked = { begin: dayAround(now).begin, end: new Date(now.getTime() + HOURS * 3_600_000) };
  const rows = grid(hours, timezone, null, MOST_DAYS, asked);
  const sum = hours.reduce((all, { count }) => all + count, 0);
  return (
    <>
      <Paper withBorder radius="lg" p="lg">
        <Title order={2}>{counted(sum, "email")}</Title>
        <Text size="sm" c="dimmed" mb="md">
          By day and hour, your time ({timezone}).
        </Text>
        <HourGrid
          label={rows.map(({ label, emails }) => `${label}: ${counted(emails, "email")}`).join(", ")}
          rows={rows}
        />
      </Paper>
      <Paper withBorder radius="lg" p="lg">
        <Table.ScrollContainer minWidth={480} type="native">
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Campaign</Table.Th>
                <Table.Th ta="end">Emails</Table.Th>
                <Table.Th>First</Table.Th>
                <Table.Th>Last of the week</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {campaigns.map(({ campaignId, name, count, firstAt, lastAt }) => (
                <Table.Tr key={campaignId}>
                  <Table.Td>
                    <AnchorLink to="/campaigns/$id" params={{ id: campaignId }}>
                      {name}
                    </AnchorLink>
                  </Table.Td>
                  <Table.Td ta="end">
                    <Count value={count} />
                  </Table.Td>
                  <Table.Td>
                    <Time value={firstAt} />
                  </Table.Td>
                  <Table.Td>
                    <Time value={lastAt} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        {others > 0 && (
          <Text size="sm" c="dimmed" mt="sm">
            {counted(others, "more campaign")} begin later in the week; the hours above have them, too.
          </Text>
        )}
      </Paper>
    </>
  );
}
