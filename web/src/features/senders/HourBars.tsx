import { clockTime } from "@/time/format";
import { BarChart } from "@/ui/BarChart";
import { count, counted } from "@/ui/numbers";
import type { Slot } from "./dayOf";

const HOUR_MS = 3_600_000;

/** The use in each hour of today, drawn to the hourly limit or to the fullest hour where that was more. */
export function HourBars({ slots, limit, now }: { slots: readonly Slot[]; limit: number; now: number }) {
  const used = slots.reduce((sum, slot) => sum + slot.used, 0);
  const most = Math.max(0, ...slots.map((slot) => slot.used));
  const busy = slots.filter((slot) => slot.used > 0).length;
  const words = used
    ? `Today ${counted(used, "email")} in ${counted(busy, "hour")}, ${count(most)} in the fullest`
    : "Nothing was sent today";
  const isNow = (start: Date) => now >= start.getTime() && now - start.getTime() < HOUR_MS;
  return (
    <BarChart
      label={words}
      bars={slots.map(({ start, used }) => ({
        id: start.getTime(),
        title: `${clockTime(start)}: ${counted(used, "email")}`,
        parts: [{ name: "used", value: used, color: `var(--status-${isNow(start) ? "sending" : "sent"})` }],
      }))}
      height={44}
      top={Math.max(most, Math.min(limit, most * 4), 1)}
      axis={["00:00", "12:00", "24:00"]}
    />
  );
}
