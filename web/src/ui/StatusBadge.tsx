import classes from "./StatusBadge.module.css";

/** The word for a status, and the CSS variable of its colour (for charts and bars too). */
export interface Status {
  label: string;
  color: string;
}

/** A dot and a word: colour is never the only sign. */
export function StatusBadge({ label, color }: Status) {
  return (
    <span className={classes.badge} style={{ color }}>
      <span className={classes.dot} aria-hidden />
      {label}
    </span>
  );
}
