import { Alert, Group, Loader, SegmentedControl, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { sentence } from "@/api/problem";
import { campaignQuery, type Email } from "@/api/queries";
import { render } from "@/lib/scheduling";
import classes from "./compose/compose.module.css";
import { HtmlFrame } from "./HtmlFrame";

/** What the recipient reads: the campaign's text, filled in with the recipient's fields. */
export function EmailContent({ email }: { email: Email }) {
  const [part, setPart] = useState<"html" | "text">("html");
  const { data: campaign } = useQuery(campaignQuery(email.campaignId));
  const asked = campaign && {
    subject: campaign.subject,
    body: campaign.body,
    bodyHtml: campaign.bodyHtml,
    email: email.recipient,
    fields: email.fields,
  };
  const request = JSON.stringify(asked);
  const { data: rendered, error } = useQuery({
    queryKey: ["render", request],
    queryFn: ({ signal }) => render(JSON.parse(request), signal),
    enabled: asked !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (error) return <Alert color="orange">{sentence(error)}</Alert>;
  if (!campaign || !rendered) return <Loader size="sm" aria-label="Reading the email" />;
  const isHtml = campaign.bodyHtml !== null && part === "html";
  return (
    <>
      <Group justify="space-between" mb="sm" gap="xs">
        <Text fw={600}>{rendered.subject}</Text>
        {campaign.bodyHtml !== null && (
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
        {isHtml ? (
          <HtmlFrame key={request} request={request} />
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
          <pre className={classes.text} tabIndex={0}>
            {rendered.text}
          </pre>
        )}
      </article>
      {email.attempts.length > 0 && (
        <Text size="xs" c="dimmed" mt={6}>
          As the campaign's text is now. If it was changed after a try, that try had the earlier text.
        </Text>
      )}
    </>
  );
}
