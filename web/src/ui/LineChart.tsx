import { Tooltip } from "@mantine/core";
import classes from "./LineChart.module.css";

export interface Line {
  name: string;
  color: string;
  dashed?: boolean;
  /** From left to right, both from 0 to 1 (`y`: of `top`). */
  points: ReadonlyArray<{ x: number; y: number }>;
}

interface Props {
  /** All of it in words. */
  label: string;
  lines: readonly Line[];
  /** The words shown where one points, evenly from left to right. */
  places: ReadonlyArray<{ id: number; title: string }>;
  /** In px. */
  height: number;
  /** Written at the top, beside the lines: what the whole height stands for. */
  scale: string;
  /** Written under the lines, evenly, from the beginning to the end. */
  axis: readonly string[];
}

/** Lines over the same time, with their names above. */
export function LineChart({ label, lines, places, height, scale, axis }: Props) {
  return (
    <div className={classes.chart}>
      <div className={classes.names} aria-hidden>
        {lines.map((line) => (
          <span key={line.name}>
            <svg width={22} height={8} aria-hidden>
              <Path line={{ ...line, points: FLAT }} width={22} height={8} />
            </svg>
            {line.name}
          </span>
        ))}
      </div>
      <span className={`${classes.scale} tabular`}>{scale}</span>
      <div role="img" aria-label={label} className={classes.lines} style={{ height }}>
        <svg viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden>
          {lines.map((line) => (
            <Path key={line.name} line={line} width={1000} height={100} />
          ))}
        </svg>
        {places.map(({ id, title }) => (
          <Tooltip key={id} label={title} multiline maw={320}>
            <div className={classes.place} />
          </Tooltip>
        ))}
      </div>
      <div className={`${classes.axis} tabular`} aria-hidden>
        {axis.map((text) => (
          <span key={text}>{text}</span>
        ))}
      </div>
    </div>
  );
}

const FLAT = [
  { x: 0, y: 0.5 },
  { x: 1, y: 0.5 },
];

function Path({ line, width, height }: { line: Line; width: number; height: number }) {
  return (
    <polyline
      points={line.points.map(({ x, y }) => `${x * width},${(1 - y) * height}`).join(" ")}
      fill="none"
      stroke={line.color}
      strokeWidth={2}
      strokeDasharray={line.dashed ? "5 4" : undefined}
      strokeLinejoin="round"
      vectorEffect="non-scaling-stroke"
    />
  );
}
