import { Time } from "@/time/Time";
import { AnchorLink } from "@/ui/links";
import { Row } from "@/ui/Panel";
import { AllowAgain } from "./AllowAgain";
import type { Suppression } from "./queries";
import { nameOf, REASON } from "./words";

interface Props {
  suppression: Suppression;
  mayChange: boolean;
}

export function SuppressionRow({ suppression, mayChange }: Props) {
  const { email, reason, note, emailId, createdAt } = suppression;
  return (
    <Row
      title={
        email === null ? (
          nameOf(suppression)
        ) : (
          <AnchorLink to="/recipients" search={{ email }}>
            {email}
          </AnchorLink>
        )
      }
      facts={
        <>
          <span>{REASON[reason].label}</span>
          <Time value={createdAt} />
          {note && <span>{note}</span>}
          {emailId !== null && (
            <AnchorLink to="/emails/$id" params={{ id: emailId }}>
              the email
            </AnchorLink>
          )}
        </>
      }
      actions={mayChange && <AllowAgain suppression={suppression} />}
    />
  );
}
