import { Text } from "@mantine/core";
import { memo } from "react";
import { BarChart, highest } from "@/ui/BarChart";
import { count, counted } from "@/ui/numbers";
import type { Plan } from "../queries";
import { bars } from "./bars";

/** How many emails leave in each hour, or on each day of a long plan. */
export const PlanChart = memo(function PlanChart({ hourly }: { hourly: Plan["hourly"] }) {
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
});
