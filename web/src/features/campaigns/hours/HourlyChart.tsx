import { Box, Paper, Skeleton, Text, Title, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { hourlyQuery } from "@/features/operations/queries";
import type { Sender } from "@/features/senders/queries";
import { absoluteTime } from "@/time/format";
import { useNow } from "@/time/useNow";
import { ErrorState } from "@/ui/ErrorState";
import { count, counted } from "@/ui/numbers";
import { type Column, columns, height } from "./columns";
import classes from "./HourlyChart.module.css";

const HOURS = 24;
const PARTS = [
  { name: "unknown", label: "no answer", color: "var(--status-unknown)" },
  { name: "deferred", label: "refused for now", color: "var(--status-cancelled)" },
  { name: "rejected", label: "refused", color: "var(--status-failed)" },
  { name: "accepted", label: "accepted", color: "var(--status-sent)" },
] as const;

/** What became of a sender's attempts in each of the last 24 hours. */
export function HourlyChart({ senderId, sender }: { senderId: number; sender: Sender | undefined }) {
  const now = new Date(useNow());
  const { data, error, refetch } = useQuery(hourlyQuery({ hours: HOURS, senderId }));
  if (error && !data) return <ErrorState error={error} retry={refetch} />;
  if (!data) return <Skeleton height={260} radius="lg" />;
  const hours = columns(data, HOURS, now);
  const most = Math.max(1, ...hours.map(height));
  return (
    <Paper withBorder radius="lg" p="lg">
      <Title order={2}>The last 24 hours</Title>
      <Text size="sm" c="dimmed" mb="md">
        Attempts of {sender?.email ?? "the sender"} by the hour, those of its other campaigns among them.
      </Text>
      <Box className={classes.chart}>
        <Text size="xs" c="dimmed" className={`${classes.most} tabular`}>
          {count(most)}
        </Text>
        <Box role="img" aria-label={summary(hours)} className={classes.columns}>
          {hours.map((hour) => (
            <Tooltip key={hour.start.getTime()} label={words(hour)} multiline maw={320}>
              <div className={classes.column}>
                {PARTS.filter((part) => hour[part.name] > 0).map((part) => (
                  <span
                    key={part.name}
                    style={{ height: `${(hour[part.name] / most) * 100}%`, background: part.color }}
                  />
                ))}
              </div>
            </Tooltip>
          ))}
        </Box>
        <div className={`${classes.axis} tabular`} aria-hidden>
          {hours
            .filter((_, i) => i % 6 === 0)
            .map((hour) => (
              <span key={hour.start.getTime()}>{clockTime.format(hour.start)}</span>
            ))}
        </div>
      </Box>
    </Paper>
  );
}

const clockTime = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

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
