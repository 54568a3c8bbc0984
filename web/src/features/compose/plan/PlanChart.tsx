import "@mantine/charts/styles.layer.css";
import { BarChart } from "@mantine/charts";
import { Text } from "@mantine/core";
import { memo } from "react";
import { count } from "@/ui/numbers";
import classes from "../compose.module.css";
import type { Plan } from "../queries";
import { bars } from "./bars";

/** How many emails leave in each hour, or on each day of a long plan. */
export const PlanChart = memo(function PlanChart({ hourly }: { hourly: Plan["hourly"] }) {
  const { unit, bars: data } = bars(hourly);
  const most = Math.max(...data.map((bar) => bar.emails));
  return (
    <figure style={{ margin: 0 }}>
      <Text component="figcaption" size="sm" c="dimmed" mb={4}>
        Emails by {unit}, {count(most)} at most
      </Text>
      <div className={classes.chart} aria-hidden>
        <BarChart
          h={130}
          data={data}
          dataKey="label"
          series={[{ name: "emails", label: "Emails", color: "petrol.6" }]}
          valueFormatter={count}
          gridAxis="x"
          tickLine="none"
          maxBarWidth={36}
          yAxisProps={{ width: 44, allowDecimals: false }}
          xAxisProps={{ interval: "preserveStartEnd", minTickGap: 24 }}
          barProps={{ isAnimationActive: false }}
          barChartProps={{ accessibilityLayer: false, margin: { top: 10 } }}
        />
      </div>
    </figure>
  );
});
