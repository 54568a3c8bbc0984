import { Title } from "@mantine/core";
import { type ReactNode, useId } from "react";
import classes from "./compose.module.css";

/** One step of writing a campaign. */
export function Section({ title, children }: { title: string; children: ReactNode }) {
  const id = useId();
  return (
    <section className={classes.section} aria-labelledby={id}>
      <Title order={2} id={id}>
        {title}
      </Title>
      {children}
    </section>
  );
}
