import { Stack, Text } from "@mantine/core";
import { memo } from "react";
import type { Calendar } from "@/features/campaigns/calendar";
import { grid } from "@/features/campaigns/grid";
import { BarChart, highest } from "@/ui/BarChart";
import { HourGrid } from "@/ui/HourGrid";
import { count, counted } from "@/ui/numbers";
import type { Plan } from "../queries";
import { bars } from "./bars";
import { StepsChart } from "./StepsChart";

const MOST_DAYS = 14;

/** How many emails leave when: by hour for a day, by day and hour for a few, by day for many. */
export const PlanChart = memo(function PlanChart({
  plan,
  calendar,
}: {
  plan: Plan;
  calendar: Calendar | null;
}) {
  if (plan.steps && plan.steps.length > 0)
    return <StepsChart days={plan.days} steps={plan.steps} timezone={plan.timezone} />;
  const rows = grid(plan.hourly, plan.timezone, calendar, MOST_DAYS);
  if (rows.length < 2 && calendar === null) return <Bars hourly={plan.hourly} />;
  const isWhole = plan.days.length <= rows.length;
  return (
    <Stack gap="sm">
      <figure style={{ margin: 0 }}>
        <Text component="figcaption" size="sm" c="dimmed" mb={4}>
          {isWhole ? "By day and hour" : `The first ${rows.length} days by the hour`}, {plan.timezone} time
        </Text>
        <HourGrid
          label={`${counted(rows.length, "day")} by the hour: ${rows.map(({ label, emails }) => `${label} ${counted(emails, "email")}`).join(", ")}`}
          rows={rows}
        />
      </figure>
      {!isWhole && <Bars hourly={plan.hourly} />}
    </Stack>
  );
});

/** A bar for each hour, or for each day of a long plan. */
function Bars({ hourly }: { hourly: Plan["hourly"] }) {
  const { unit, bars: found } = bars(hourly);
  const data = found.map(({ label, emails }) => ({
    id: label,
    title: `${label}: ${counted(emails, "email")}`,
    parts: [{ name: "emails", value: emails, color: "var(--mantine-color-petrol-6)" }],
  }));
  const most = count(highest(data));
  const ends = new Set([found[0]?.label, found.at(-1)?.label].filter((label) => label !== undefined));
  return (
    <figure style={{ margin: 0 }}>
      <Text component="figcaption" size="sm" c="dimmed" mb={4}>
        Emails by {unit}, {most} at most
      </Text>
      <BarChart
        label={`${counted(found.length, unit)}, ${most} emails at most in one`}
        bars={data}
        height={104}
        scale={most}
        axis={[...ends]}
      />
    </figure>
  );
}
