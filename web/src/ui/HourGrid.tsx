import { Fragment } from "react";
import classes from "./HourGrid.module.css";
import { count } from "./numbers";

export interface GridRow {
  label: string;
  emails: number;
  cells: ReadonlyArray<{ hour: number; emails: number; open: boolean; label: string }>;
}

interface Props {
  /** All of it in words. */
  label: string;
  rows: readonly GridRow[];
}

/** Days below each other, hours side by side: the fuller the darker, with light behind where it may be sent. */
export function HourGrid({ label, rows }: Props) {
  const most = Math.max(1, ...rows.flatMap(({ cells }) => cells.map(({ emails }) => emails)));
  return (
    <div role="img" aria-label={label} className={classes.grid}>
      {rows.map((row) => (
        <Fragment key={row.label}>
          <span className={`${classes.day} tabular`}>{row.label}</span>
          <div className={classes.hours}>
            {row.cells.map(({ hour, emails, open, label: at }) => (
              <span
                key={hour}
                className={classes.hour}
                data-open={open || undefined}
                title={`${at}: ${count(emails)}`}
              >
                {emails > 0 && <span style={{ opacity: 0.25 + (0.75 * emails) / most }} />}
              </span>
            ))}
          </div>
          <span className={`${classes.sum} tabular`}>{row.emails > 0 && count(row.emails)}</span>
        </Fragment>
      ))}
      <span />
      <div className={`${classes.axis} tabular`} aria-hidden>
        {["00", "06", "12", "18", "24"].map((hour) => (
          <span key={hour}>{hour}</span>
        ))}
      </div>
      <span />
    </div>
  );
}
