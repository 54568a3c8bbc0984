import { Paper, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { hourlyQuery } from "@/features/operations/queries";
import type { Sender } from "@/features/senders/queries";
import { absoluteTime, clockTime } from "@/time/format";
import { useNow } from "@/time/useNow";
import { BarChart } from "@/ui/BarChart";
import { ErrorState } from "@/ui/ErrorState";
import { count, counted } from "@/ui/numbers";
import { type Column, columns, height } from "./columns";

const HOURS = 24;
const PARTS = [
  { name: "unknown", label: "no answer", color: "var(--status-unknown)" },
  { name: "deferred", label: "refused for now", color: "var(--status-cancelled)" },
  { name: "rejected", label: "refused", color: "var(--status-failed)" },
  { name: "accepted", label: "accepted", color: "var(--status-sent)" },
] as const;

/** The outcomes of a sender's attempts in each of the last 24 hours. */
export function HourlyChart({ senderId, sender }: { senderId: number; sender: Sender | undefined }) {
  const now = new Date(useNow());
  const { data, error, refetch } = useQuery(hourlyQuery({ hours: HOURS, senderId }));
  if (error && !data) return <ErrorState error={error} retry={refetch} />;
  if (!data) return <Skeleton height={260} radius="lg" />;
  const hours = columns(data, HOURS, now);
  return (
    <Paper withBorder radius="lg" p="lg">
      <Title order={2}>The last 24 hours</Title>
      <Text size="sm" c="dimmed" mb="md">
        Attempts of {sender?.email ?? "the sender"} by the hour, those of its other campaigns among them.
      </Text>
      <BarChart
        label={summary(hours)}
        bars={hours.map((hour) => ({
          id: hour.start.getTime(),
          title: words(hour),
          parts: PARTS.map(({ name, color }) => ({ name, color, value: hour[name] })),
        }))}
        height={180}
        scale={count(Math.max(1, ...hours.map(height)))}
        axis={[...hours.filter((_, i) => i % 6 === 0).map(({ start }) => clockTime(start)), "now"]}
      />
    </Paper>
  );
}

function words(hour: Column): string {
  const parts = PARTS.toReversed().filter((part) => hour[part.name] > 0);
  const told = parts.map((part) => `${count(hour[part.name])} ${part.label}`).join(", ") || "nothing";
  return `${absoluteTime(hour.start)}: ${told}`;
}

function summary(hours: readonly Column[]): string {
  const all = hours.reduce((sum, hour) => sum + height(hour), 0);
  const accepted = hours.reduce((sum, hour) => sum + hour.accepted, 0);
  return `${counted(all, "attempt")} in 24 hours, ${count(accepted)} accepted`;
}
