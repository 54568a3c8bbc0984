import { Code, Text } from "@mantine/core";
import { Time } from "@/time/Time";
import { count } from "@/ui/numbers";
import classes from "./Attempts.module.css";
import { OUTCOMES, reply } from "./course";
import type { Attempt } from "./queries";

/** Every try, the latest first: when, where, and what was answered. */
export function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  if (attempts.length === 0) return <Text c="dimmed">It has not been tried yet.</Text>;
  return (
    <ol className={classes.list} reversed>
      {attempts.toReversed().map((attempt) => (
        <li key={attempt.number} data-outcome={attempt.outcome}>
          <div className={classes.head}>
            <strong>{OUTCOMES[attempt.outcome].label}</strong>
            <Time value={attempt.recordedAt} />
          </div>
          <Text size="sm" c="dimmed">
            {OUTCOMES[attempt.outcome].text}
          </Text>
          {reply(attempt) && (
            <Code block mt={6} className={classes.reply ?? ""}>
              {reply(attempt)}
            </Code>
          )}
          <Text size="sm" c="dimmed" mt={4} className="tabular">
            {facts(attempt)}
          </Text>
        </li>
      ))}
    </ol>
  );
}

function facts(attempt: Attempt): string {
  const { number, server, command, durationMs } = attempt;
  return [
    `Try ${number}`,
    server,
    command && `at ${command === "." ? "the end of the message" : command}`,
    durationMs !== null && `${count(durationMs)} ms`,
  ]
    .filter(Boolean)
    .join(" · ");
}
