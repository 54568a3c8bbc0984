import { Paper, Skeleton, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { ApiProblem, sentence } from "@/api/problem";
import { dayName, localTime } from "@/time/format";
import { useNow } from "@/time/useNow";
import { ErrorState } from "@/ui/ErrorState";
import { Figures } from "@/ui/Figures";
import { LineChart } from "@/ui/LineChart";
import { count, counted } from "@/ui/numbers";
import { type Forecast, forecastQuery } from "../queries";
import { ForecastSteps } from "./ForecastSteps";
import { lateness, lines, type Totals, totals } from "./totals";

/** The emails that a campaign's first plan had by when, and those sent by then. */
export function ForecastChart({ campaignId }: { campaignId: number }) {
  const { data, error, refetch } = useQuery(forecastQuery(campaignId));
  return (
    <Paper withBorder radius="lg" p="lg">
      <Title order={2}>Planned and sent</Title>
      {data ? (
        <Told forecast={data} />
      ) : error instanceof ApiProblem && error.status === 404 ? (
        <Text c="dimmed">{sentence(error)}</Text>
      ) : error ? (
        <ErrorState error={error} retry={refetch} />
      ) : (
        <Skeleton height={260} radius="lg" />
      )}
    </Paper>
  );
}

function Told({ forecast }: { forecast: Forecast }) {
  const now = new Date(useNow());
  const { by, medianLateMs, worstLateMs, steps = [] } = forecast;
  const hasSteps = steps.length > 1;
  const found = totals(forecast, now);
  if (!found) return <Text c="dimmed">Nothing was planned.</Text>;
  const { begin, planned, sent } = found;
  const drawn = lines(found, now);
  const time = by === "hour" ? (at: Date) => localTime(at, now) : (at: Date) => dayName(at, "UTC");
  const last = found.totals.at(-1)?.end ?? begin;
  return (
    <>
      <Text size="sm" c="dimmed" mb="md">
        How many emails {hasSteps ? "of the first step " : ""}its first plan had by when, and how many were
        sent by then
        {by === "day" && ", by days in UTC"}. The plan may have changed since; deviations are from the first.
      </Text>
      <Figures
        label="Deviations from the first plan"
        figures={[
          { label: "Median deviation", value: lateness(medianLateMs) },
          { label: "Worst deviation", value: lateness(worstLateMs) },
        ]}
      />
      <LineChart
        label={[
          `${count(sent)} of ${counted(planned, "planned email")} sent`,
          `planned from ${time(begin)} to ${time(last)}`,
          medianLateMs === null ? "no deviation yet" : `median deviation ${lateness(medianLateMs)}`,
          ...(worstLateMs === null ? [] : [`worst ${lateness(worstLateMs)}`]),
        ].join(", ")}
        lines={[
          { name: "planned first", color: "var(--status-scheduled)", dashed: true, points: drawn.planned },
          { name: "sent", color: "var(--status-sent)", points: drawn.sent },
        ]}
        places={found.totals.map((total) => ({ id: total.end.getTime(), title: words(total, time) }))}
        height={180}
        scale={count(drawn.top)}
        axis={[time(begin), time(last)]}
      />
      {hasSteps && <ForecastSteps steps={steps} />}
    </>
  );
}

function words({ end, planned, sent }: Totals["totals"][number], time: (at: Date) => string): string {
  const told = sent === null ? "" : `, ${count(sent)} sent`;
  return `By ${time(end)}: ${count(planned)} planned first${told}`;
}
