import { count, counted } from "@/ui/numbers";
import type { Slot } from "./dayOf";
import classes from "./HourBars.module.css";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/** What each hour of today used, drawn to the hourly limit or to the fullest hour where that was more. */
export function HourBars({ slots, limit, now }: { slots: readonly Slot[]; limit: number; now: number }) {
  const used = slots.reduce((sum, slot) => sum + slot.used, 0);
  const most = Math.max(0, ...slots.map((slot) => slot.used));
  const top = Math.max(most, Math.min(limit, most * 4), 1);
  const busy = slots.filter((slot) => slot.used > 0).length;
  const words = used
    ? `Today ${counted(used, "email")} in ${counted(busy, "hour")}, ${count(most)} in the fullest`
    : "Nothing was sent today";
  return (
    <div>
      <div className={classes.bars} role="img" aria-label={words}>
        {slots.map(({ start, used }) => (
          <span
            key={start.getTime()}
            className={classes.slot}
            data-now={now - start.getTime() < 3_600_000 && now >= start.getTime() ? true : undefined}
            title={`${clock.format(start)}: ${counted(used, "email")}`}
          >
            {used > 0 && (
              <span className={classes.bar} style={{ height: `${Math.max(6, (used / top) * 100)}%` }} />
            )}
          </span>
        ))}
      </div>
      <div className={`${classes.axis} tabular`} aria-hidden>
        <span>00:00</span>
        <span>12:00</span>
        <span>24:00</span>
      </div>
    </div>
  );
}
