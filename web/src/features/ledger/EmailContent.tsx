import { Alert, Loader, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { sentence } from "@/api/problem";
import { HtmlFrame } from "@/ui/HtmlFrame";
import { MessageBody, messageFrame } from "@/ui/MessageBody";
import { type Email, emailMessageQuery } from "./queries";

/** The message that the recipient reads: as it was sent, or as it would be. */
export function EmailContent({ email }: { email: Email }) {
  const { data: message, error } = useQuery(emailMessageQuery(email.id));
  if (error) return <Alert color="orange">{sentence(error)}</Alert>;
  if (!message) return <Loader size="sm" role="status" aria-label="Reading the email" />;
  return (
    <>
      <MessageBody
        label="The email's text"
        beside={<Text fw={600}>{message.subject}</Text>}
        html={
          message.html === null ? null : (
            <HtmlFrame
              key={message.html}
              path={`/api/emails/${email.id}/message/html`}
              className={messageFrame}
              title="Rich text of the email"
            />
          )
        }
        text={message.text}
      />
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
