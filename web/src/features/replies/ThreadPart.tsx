import { Anchor, Button, Group, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { Response, ThreadEmail, ThreadItem } from "@/features/inbound/queries";
import { kindWords, verdict, writerOf } from "@/features/inbound/words";
import { EMAIL_STATUS } from "@/features/ledger/words";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { HtmlFrame } from "@/ui/HtmlFrame";
import { AnchorLink } from "@/ui/links";
import { StatusBadge } from "@/ui/StatusBadge";
import { useSendAgain } from "./commands";
import classes from "./Replies.module.css";

interface Props {
  item: ThreadItem;
  isChosen: boolean;
}

/** One message of a thread. A message sent from here is folded. */
export function ThreadPart({ item: { at, email, response }, isChosen }: Props) {
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    if (isChosen) place.current?.scrollIntoView({ block: "nearest" });
  }, [isChosen]);
  return (
    <article
      ref={place}
      className={classes.part}
      data-ours={email ? true : undefined}
      data-chosen={isChosen || undefined}
    >
      {email && <Ours email={email} at={at} />}
      {response && <Theirs response={response} />}
    </article>
  );
}

function Ours({ email, at }: { email: ThreadEmail; at: string }) {
  const [html, setHtml] = useState(false);
  return (
    <details>
      <summary className={classes.summary}>
        <span className={classes.who}>
          {email.isAnswer ? "Your answer" : email.subject || email.campaignName}
        </span>
        <StatusBadge {...EMAIL_STATUS[email.status]} />
        <span className={classes.when}>
          <Time value={at} />
        </span>
      </summary>
      {html ? (
        <HtmlFrame
          path={`/api/emails/${email.id}/message/html`}
          title={`Rich text of email ${email.id}`}
          className={classes.frame}
        />
      ) : (
        <div className={classes.text}>{email.text ?? "What it said cannot be shown any more."}</div>
      )}
      <Group gap="md" mt="xs">
        {email.hasHtml && (
          <Button size="compact-xs" variant="default" onClick={() => setHtml(!html)}>
            {html ? "Show the text" : "Show as it was sent"}
          </Button>
        )}
        <AnchorLink size="sm" to="/emails/$id" params={{ id: email.id }}>
          To {email.recipient}
        </AnchorLink>
        {!email.isAnswer && (
          <AnchorLink size="sm" to="/campaigns/$id" params={{ id: email.campaignId }}>
            {email.campaignName}
          </AnchorLink>
        )}
      </Group>
    </details>
  );
}

function Theirs({ response }: { response: Response }) {
  const { id, text, html, diagnostic, attachments } = response;
  const [whole, setWhole] = useState(false);
  const maySend = useMay("member");
  return (
    <>
      <div className={classes.summary}>
        <span className={classes.who}>{writerOf(response)}</span>
        <StatusBadge {...kindWords(response)} />
        {verdict(response) && <span>{verdict(response)}</span>}
        <span className={classes.when}>
          <Time value={response.receivedAt} />
        </span>
      </div>
      {whole ? <Whole id={id} /> : <div className={classes.text}>{text || "It has no text of its own."}</div>}
      {diagnostic && <pre className={classes.diagnostic}>{diagnostic}</pre>}
      {attachments.length > 0 && (
        <Text size="sm" c="dimmed" mt="xs">
          With {attachments.join(", ")}, which {attachments.length === 1 ? "is" : "are"} in your mailbox
          alone.
        </Text>
      )}
      {response.ofSender && maySend && <SendAgain emailId={response.emailId} />}
      {html !== null && (
        <Button size="compact-xs" variant="default" mt="xs" onClick={() => setWhole(!whole)}>
          {whole ? "Show what is new in it" : "Show as it came, with what it quotes"}
        </Button>
      )}
    </>
  );
}

function SendAgain({ emailId }: { emailId: number }) {
  const { run, pending } = useSendAgain(emailId);
  return (
    <Group gap="xs" mt="xs">
      <Button size="xs" variant="default" loading={pending} onClick={() => void run()}>
        Send the email again
      </Button>
      <Text size="sm">The recipient has done nothing wrong: it was the sender that was refused.</Text>
    </Group>
  );
}

/** Its HTML. Pictures are loaded only when they are asked for: by them a sender learns that somebody reads. */
function Whole({ id }: { id: number }) {
  const [images, setImages] = useState(false);
  return (
    <>
      <HtmlFrame
        key={`${images}`}
        path={`/api/responses/${id}/html${images ? "?images=true" : ""}`}
        title="The message as it came"
        className={classes.frame}
      />
      {!images && (
        <Text size="xs" c="dimmed">
          Pictures are not loaded.{" "}
          <Anchor component="button" inherit onClick={() => setImages(true)}>
            Load them
          </Anchor>
        </Text>
      )}
    </>
  );
}
