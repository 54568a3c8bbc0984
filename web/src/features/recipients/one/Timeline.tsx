import { Button } from "@mantine/core";
import { IconMail } from "@tabler/icons-react";
import { useStop } from "@/features/ledger/commands";
import { CANCELLED_FOR, reply } from "@/features/ledger/course";
import { EMAIL_STATUS } from "@/features/ledger/words";
import { WAITING_LABEL } from "@/features/planning/labels";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { EmptyState } from "@/ui/EmptyState";
import { LoadMore } from "@/ui/LoadMore";
import { AnchorLink } from "@/ui/links";
import { counted } from "@/ui/numbers";
import { Panel, Row, Rows } from "@/ui/Panel";
import { StatusBadge } from "@/ui/StatusBadge";
import type { Moment } from "../queries";

interface Props {
  query: Parameters<typeof LoadMore>[0]["query"];
  moments: readonly Moment[];
}

/** Emails to a recipient, latest first: planned, sent, refused, each with why. */
export function Timeline({ query, moments }: Props) {
  if (moments.length === 0) {
    return (
      <EmptyState icon={IconMail} title="No email yet">
        No campaign of this workspace has this address among its recipients.
      </EmptyState>
    );
  }
  return (
    <div>
      <Panel
        title="Emails"
        description="Of every campaign, the latest first."
        rows={
          <Rows label="Emails">
            {moments.map((moment) => (
              <Email key={moment.email.id} {...moment} />
            ))}
          </Rows>
        }
      />
      <LoadMore query={query} shown={moments.length} noun="email" />
    </div>
  );
}

function Email({ at, email }: Moment) {
  const mayStop = useMay("member") && email.status === "SCHEDULED";
  return (
    <Row
      title={
        <AnchorLink to="/emails/$id" params={{ id: email.id }}>
          {email.campaignName}
        </AnchorLink>
      }
      facts={
        <>
          <StatusBadge {...EMAIL_STATUS[email.status]} />
          <span>
            {email.status === "SCHEDULED" && "planned for "}
            {email.status === "CANCELLED" && "was planned for "}
            <Time value={at} />
          </span>
          {(email.step > 1 || email.variant) && (
            <span>
              {[email.step > 1 && `step ${email.step}`, email.variant && `variant ${email.variant}`]
                .filter(Boolean)
                .join(", ")}
            </span>
          )}
          {reason(email) && <span>{reason(email)}</span>}
          {email.attempts > 1 && <span>{counted(email.attempts, "try", "tries")}</span>}
        </>
      }
      actions={mayStop && <Stop email={email} />}
    />
  );
}

function Stop({ email }: Pick<Moment, "email">) {
  const { ask, pending } = useStop(email);
  return (
    <Button
      variant="default"
      size="compact-sm"
      loading={pending}
      onClick={() => void ask()}
      aria-label={`Stop ${email.campaignName}`}
    >
      Stop
    </Button>
  );
}

/** Why it stands as it does, where there is more to say than its status. */
function reason(email: Moment["email"]): string {
  const { status, waiting, cancelReason } = email;
  if (status === "CANCELLED") return CANCELLED_FOR[cancelReason ?? "CAMPAIGN"].label;
  if (status === "FAILED" || status === "UNKNOWN") return reply(email);
  if (status !== "SCHEDULED") return "";
  const waits = waiting && waiting.reason !== "NOT_DUE" && waiting.reason !== "NOTHING_WAITS";
  return waits ? WAITING_LABEL[waiting.reason] : reply(email);
}
