import { Box, Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import classes from "./Panel.module.css";

interface Props {
  title?: string;
  description?: ReactNode;
  actions?: ReactNode;
  children?: ReactNode;
  /** Rows under the body, from edge to edge. */
  rows?: ReactNode;
}

/** A part of a page in a frame of its own. */
export function Panel({ title, description, actions, children, rows }: Props) {
  return (
    <section className={classes.panel} aria-label={title}>
      {(title || children) && (
        <div className={classes.body}>
          {title && (
            <Group justify="space-between" align="flex-start" gap="sm">
              <Box flex="1 1 240px" miw={0}>
                <Title order={2}>{title}</Title>
                {description && (
                  <Text c="dimmed" mt={2} maw={640}>
                    {description}
                  </Text>
                )}
              </Box>
              {actions}
            </Group>
          )}
          {children && <Box mt={title ? "md" : 0}>{children}</Box>}
        </div>
      )}
      {rows}
    </section>
  );
}

export function Rows({ children, label }: { children: ReactNode; label: string }) {
  return (
    <ul className={classes.rows} aria-label={label}>
      {children}
    </ul>
  );
}

interface RowProps {
  title: ReactNode;
  /** Short facts in a line under the title. */
  facts?: ReactNode;
  actions?: ReactNode;
  children?: ReactNode;
}

export function Row({ title, facts, actions, children }: RowProps) {
  return (
    <li className={classes.row}>
      <div className={classes.main}>
        <Text component="div" fw={550}>
          {title}
        </Text>
        {facts && <div className={classes.facts}>{facts}</div>}
      </div>
      {actions}
      {children && <Box w="100%">{children}</Box>}
    </li>
  );
}
