import { Tooltip } from "@mantine/core";
import { Fragment } from "react";
import classes from "./BarChart.module.css";

export interface Bar {
  id: number | string;
  /** The words shown when one points at it. */
  title: string;
  /** From top to bottom. */
  parts: ReadonlyArray<{ name: string; value: number; color: string }>;
}

interface Props {
  /** All of it in words. */
  label: string;
  bars: readonly Bar[];
  /** In px. */
  height: number;
  /** The value that the whole height stands for; the highest bar when left out. */
  top?: number;
  /** Written at the top, beside the bars. */
  scale?: string;
  /** Written under the bars: one under each, or evenly from the beginning of the first to the end of the last. */
  axis: readonly string[];
  /** Whether the colours are named above, those alone that are there. */
  named?: boolean;
}

/** Bars side by side, each of parts on top of each other. */
export function BarChart({ label, bars, height, top = highest(bars), scale, axis, named = false }: Props) {
  return (
    <div className={classes.chart} data-scale={scale !== undefined || undefined}>
      {named && <Names bars={bars} />}
      {scale !== undefined && <span className={`${classes.scale} tabular`}>{scale}</span>}
      <div role="img" aria-label={label} className={classes.bars} style={{ height }}>
        {bars.map((bar) => (
          <Tooltip key={bar.id} label={bar.title} multiline maw={320}>
            <div className={classes.bar}>
              {bar.parts.map(({ name, value, color }) => (
                <Fragment key={name}>
                  {value > 0 && (
                    <span style={{ height: `${(value / Math.max(top, 1)) * 100}%`, background: color }} />
                  )}
                </Fragment>
              ))}
            </div>
          </Tooltip>
        ))}
      </div>
      <div
        className={`${classes.axis} tabular`}
        data-each={axis.length === bars.length || undefined}
        aria-hidden
      >
        {axis.map((text) => (
          <span key={text}>{text}</span>
        ))}
      </div>
    </div>
  );
}

function Names({ bars }: Pick<Props, "bars">) {
  const shown = bars.flatMap(({ parts }) => parts.filter(({ value }) => value > 0));
  const colors = new Map(shown.map(({ name, color }) => [name, color]));
  return (
    <div className={classes.names} aria-hidden>
      {[...colors].map(([name, color]) => (
        <span key={name}>
          <i style={{ background: color }} />
          {name}
        </span>
      ))}
    </div>
  );
}

export function highest(bars: readonly Bar[]): number {
  return Math.max(0, ...bars.map(({ parts }) => parts.reduce((sum, { value }) => sum + value, 0)));
}
