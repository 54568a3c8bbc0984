import { Alert, Anchor, Box, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { SchemeSwitch } from "@/ui/SchemeSwitch";
import { useDocumentTitle } from "@/ui/useDocumentTitle";
import { Wordmark } from "@/ui/Wordmark";
import classes from "./AuthLayout.module.css";
import { elsewhere } from "./elsewhere";
import { waysQuery } from "./queries";

interface Props {
  title: string;
  description?: ReactNode;
  children: ReactNode;
  /** Links to other ways, under the form. */
  footer?: ReactNode;
}

const FACTS = [
  ["Spaced, within limits", "Each mailbox keeps to its hourly limit, across workers and restarts."],
  ["Never twice by itself", "An email that may have arrived is not sent again unless you say so."],
  ["Every attempt on record", "What went, what waits and why, with the words of the mail server."],
] as const;

/** The frame of the pages before login. */
export function AuthLayout({ title, description, children, footer }: Props) {
  useDocumentTitle(title);
  const { data: ways } = useQuery(waysQuery);
  const there = ways && elsewhere(ways.baseUrl, location);
  return (
    <div className={classes.frame}>
      <aside className={classes.aside} aria-label="About ReachInbox">
        <Wordmark size={34} />
        <div>
          <p className={classes.claim}>Email campaigns from your own mailboxes.</p>
          <ul className={classes.facts}>
            {FACTS.map(([head, text]) => (
              <li key={head}>
                <strong>{head}</strong>
                {text}
              </li>
            ))}
          </ul>
        </div>
        <p className={classes.note}>Self-hosted: your data stays on this server.</p>
      </aside>
      <main className={classes.main}>
        <div className={classes.bar}>
          <Box hiddenFrom="sm">
            <Wordmark size={28} />
          </Box>
          <SchemeSwitch />
        </div>
        <Stack className={classes.form} gap="lg">
          <div>
            <Title order={1} lts="-0.02em" fz={26}>
              {title}
            </Title>
            {description && (
              <Text c="dimmed" mt={6}>
                {description}
              </Text>
            )}
          </div>
          {there && (
            <Alert color="orange" role="alert">
              This page was opened over http, where nobody can log in. Open{" "}
              <Anchor href={there} inherit>
                {ways.baseUrl}
              </Anchor>{" "}
              instead.
            </Alert>
          )}
          {children}
          {footer && <div className={classes.footer}>{footer}</div>}
        </Stack>
      </main>
    </div>
  );
}
