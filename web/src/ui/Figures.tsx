import { Skeleton } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Figures.module.css";

interface Figure {
  label: string;
  /** Undefined: on its way. */
  value: ReactNode | undefined;
  /** A line under it, such as a link. */
  note?: ReactNode;
}

/** A few numbers side by side. */
export function Figures({ label, figures }: { label: string; figures: readonly Figure[] }) {
  return (
    <section aria-label={label} className={classes.row}>
      {figures.map((figure) => (
        <div key={figure.label} className={classes.figure}>
          <div className={classes.label}>{figure.label}</div>
          <div className={`${classes.value} tabular`}>
            {figure.value === undefined ? <Skeleton height={22} width={64} my={5} /> : figure.value}
          </div>
          <div className={classes.note}>{figure.note}</div>
        </div>
      ))}
    </section>
  );
}
