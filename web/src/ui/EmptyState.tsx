import { Box, Stack, Text, Title } from "@mantine/core";
import type { Icon } from "@tabler/icons-react";
import type { ReactNode } from "react";
import classes from "./EmptyState.module.css";

interface Props {
  icon: Icon;
  title: string;
  /** The sentence about what would be here, and how it comes to be. */
  children?: ReactNode;
  /** Buttons for the next thing to do. */
  action?: ReactNode;
  /** 1 where it is all of the page. */
  order?: 1 | 2;
}

/** Nothing here yet: says so, and what to do next. */
export function EmptyState({ icon: Icon, title, children, action, order = 2 }: Props) {
  return (
    <Stack align="center" gap="sm" className={classes.root}>
      <Box className={classes.icon}>
        <Icon size={26} stroke={1.6} aria-hidden />
      </Box>
      <Title order={order} size="h2">
        {title}
      </Title>
      {children && (
        <Text c="dimmed" ta="center" maw={460}>
          {children}
        </Text>
      )}
      {action && <Box mt="xs">{action}</Box>}
    </Stack>
  );
}
