import { Alert, Group, Loader, SegmentedControl, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sentence } from "@/api/problem";
import { HtmlFrame } from "@/ui/HtmlFrame";
import classes from "@/ui/message.module.css";
import { type Email, emailMessageQuery } from "./queries";

/** What the recipient reads: as it was sent, or as it would be. */
export function EmailContent({ email }: { email: Email }) {
  const [part, setPart] = useState<"html" | "text">("html");
  const { data: message, error } = useQuery(emailMessageQuery(email.id));
  if (error) return <Alert color="orange">{sentence(error)}</Alert>;
  if (!message) return <Loader size="sm" aria-label="Reading the email" />;
  return (
    <>
      <Group justify="space-between" mb="sm" gap="xs">
        <Text fw={600}>{message.subject}</Text>
        {message.html !== null && (
          <SegmentedControl
            size="xs"
            aria-label="Part of the email"
            data={[
              { value: "html", label: "Rich" },
              { value: "text", label: "Plain" },
            ]}
            value={part}
            onChange={(value) => setPart(value as "html" | "text")}
          />
        )}
      </Group>
      <article className={classes.message} aria-label="The email's text">
        {message.html !== null && part === "html" ? (
          <HtmlFrame
            key={message.html}
            path={`/api/emails/${email.id}/message/html`}
            className={classes.frame}
            title="Rich text of the email"
          />
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          <pre className={classes.text} tabIndex={0}>
            {message.text}
          </pre>
        )}
      </article>
      {email.attempts.length > 0 && (
        <Text size="xs" c="dimmed" mt={6}>
          {standing(email, message.asSent)}
        </Text>
      )}
    </>
  );
}

function standing(email: Email, asSent: boolean): string {
  if (email.status === "SCHEDULED" || email.status === "SENDING")
    return "As the campaign's text is now. An earlier try had the text of its time.";
  if (asSent) return "Just as the latest try had it.";
  return "As far as is known: the campaign's text was changed, and which one the latest try had is not on record.";
}
