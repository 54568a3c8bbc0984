import { Checkbox, Table } from "@mantine/core";
import { IconUser } from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { WAITING_LABEL } from "@/features/planning/labels";
import { Time } from "@/time/Time";
import { AnchorLink } from "@/ui/links";
import { count, counted } from "@/ui/numbers";
import { StatusBadge } from "@/ui/StatusBadge";
import { CANCELLED_FOR, reply } from "./course";
import classes from "./EmailTable.module.css";
import type { EmailSummary } from "./queries";
import { EMAIL_STATUS, SETTLED } from "./words";

export type Column = "campaign" | "status" | "planned" | "sent" | "when" | "attempts" | "reply";

interface Cells {
  title: string;
  cell: (email: EmailSummary) => ReactNode;
  /** On a narrow screen, where no title says what it is; the same unless given. */
  narrow?: (email: EmailSummary) => ReactNode;
}

const COLUMNS: Readonly<Record<Column, Cells>> = {
  campaign: {
    title: "Campaign",
    cell: (email) => (
      <AnchorLink
        to="/campaigns/$id"
        params={{ id: email.campaignId }}
        title={email.campaignName}
        c="inherit"
      >
        {email.campaignName}
      </AnchorLink>
    ),
  },
  status: { title: "Status", cell: (email) => <StatusBadge {...EMAIL_STATUS[email.status]} /> },
  planned: {
    title: "Planned for",
    cell: (email) => (
      <>
        <Time value={email.scheduledAt} />
        <Why email={email} />
      </>
    ),
  },
  sent: { title: "Sent", cell: (email) => email.sentAt && <Time value={email.sentAt} /> },
  when: {
    title: "Sent or planned",
    cell: (email) => (
      <>
        <Time value={email.sentAt ?? email.scheduledAt} />
        <Why email={email} />
      </>
    ),
  },
  attempts: {
    title: "Tries",
    cell: (email) => <span className="tabular">{count(email.attempts)}</span>,
    narrow: (email) => email.attempts > 0 && counted(email.attempts, "try", "tries"),
  },
  reply: {
    title: "Last answer",
    cell: (email) => (
      <>
        <Reply email={email} />
        {email.settled && <div className={classes.why}>{SETTLED[email.settled]}</div>}
      </>
    ),
    narrow: (email) => reply(email) && <Reply email={email} />,
  },
};

interface Props {
  /** Emails by page of the list. */
  pages: ReadonlyArray<readonly EmailSummary[]>;
  columns: readonly Column[];
  /** Given, rows can be chosen; `range`: with shift. */
  chosen?: ReadonlySet<number>;
  onChoose?: (id: number, on: boolean, range: boolean) => void;
}

/** One row an email. Pages far out of sight are there as empty space alone, so that a long list stays light. */
export function EmailTable({ pages, columns, ...choosing }: Props) {
  return (
    <div className={classes.frame}>
      <Table className={classes.table ?? ""} highlightOnHover aria-label="Emails">
        <thead>
          <tr>
            {choosing.onChoose && (
              <th className={classes.choose}>
                <span className={classes.hidden}>Choose</span>
              </th>
            )}
            <th>Recipient</th>
            {columns.map((column) => (
              <th key={column} className={`${classes.wide} ${classes[column]}`}>
                {COLUMNS[column].title}
              </th>
            ))}
          </tr>
        </thead>
        {pages.map((emails) => (
          <Rows key={emails[0]?.id} emails={emails} columns={columns} {...choosing} />
        ))}
      </Table>
    </div>
  );
}

type RowsProps = Omit<Props, "pages"> & { emails: readonly EmailSummary[] };

function Rows({ emails, columns, chosen, onChoose }: RowsProps) {
  const { body, height } = useOutOfSight();
  if (height !== null) {
    return (
      <tbody ref={body} aria-hidden>
        <tr>
          <td colSpan={columns.length + (onChoose ? 2 : 1)} style={{ height, padding: 0 }} />
        </tr>
      </tbody>
    );
  }
  return (
    <tbody ref={body}>
      {emails.map((email) => (
        <tr key={email.id}>
          {onChoose && (
            <td className={classes.choose}>
              <Checkbox
                aria-label={`Choose ${email.recipient}`}
                checked={chosen?.has(email.id) ?? false}
                onChange={(event) =>
                  onChoose(email.id, event.currentTarget.checked, (event.nativeEvent as MouseEvent).shiftKey)
                }
              />
            </td>
          )}
          <td>
            <div className={classes.who}>
              <AnchorLink
                to="/emails/$id"
                params={{ id: email.id }}
                title={email.recipient}
                className={classes.recipient ?? ""}
              >
                {email.recipient}
              </AnchorLink>
              {(email.step > 1 || email.variant) && (
                <span className={classes.dimmed}>
                  {[email.step > 1 && `step ${email.step}`, email.variant].filter(Boolean).join(" ")}
                </span>
              )}
              {!email.recipient.endsWith(ERASED) && (
                <AnchorLink
                  to="/recipients"
                  search={{ email: email.recipient }}
                  title="All to this recipient"
                  aria-label="All to this recipient"
                  className={classes.all ?? ""}
                >
                  <IconUser size={15} stroke={1.7} aria-hidden />
                </AnchorLink>
              )}
            </div>
            <div className={classes.narrow}>
              {columns.map((column) => {
                const { cell, narrow = cell } = COLUMNS[column];
                return <span key={column}>{narrow(email)}</span>;
              })}
            </div>
          </td>
          {columns.map((column) => (
            <td key={column} className={`${classes.wide} ${classes[column]}`}>
              {COLUMNS[column].cell(email)}
            </td>
          ))}
        </tr>
      ))}
    </tbody>
  );
}

/** The domain that stands in the place of an address that was erased. */
const ERASED = "@erased.invalid";

const NEAR_PX = 2_000;

/** The height that a table's part had before it came far out of sight; null while it is near. */
function useOutOfSight() {
  const body = useRef<HTMLTableSectionElement>(null);
  const [height, setHeight] = useState<number | null>(null);
  useEffect(() => {
    const node = body.current;
    if (!node) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        // Looked at anew: an entry may tell of a moment that is over.
        const { top, bottom, height } = node.getBoundingClientRect();
        const near = bottom > -NEAR_PX && top < window.innerHeight + NEAR_PX;
        if (near || entry?.isIntersecting) setHeight(null);
        else if (!node.contains(document.activeElement)) setHeight(height);
      },
      { rootMargin: `${NEAR_PX}px 0px` },
    );
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return { body, height };
}

/** Why it does not go now, where that is more than its time, or why it never will. */
function Why({ email: { status, cancelReason, waiting } }: { email: EmailSummary }) {
  if (status === "CANCELLED") {
    return <div className={classes.why}>{CANCELLED_FOR[cancelReason ?? "CAMPAIGN"].label}</div>;
  }
  if (!waiting || waiting.reason === "NOT_DUE" || waiting.reason === "NOTHING_WAITS") return null;
  return (
    <div className={classes.why} title={waiting.detail}>
      {WAITING_LABEL[waiting.reason]}
    </div>
  );
}

function Reply({ email }: { email: EmailSummary }) {
  const [open, setOpen] = useState(false);
  const text = reply(email);
  if (!text) return <span className={classes.dimmed}>–</span>;
  return (
    <button
      type="button"
      className={classes.answer}
      data-open={open || undefined}
      aria-expanded={open}
      title={text}
      onClick={() => setOpen(!open)}
    >
      {text}
    </button>
  );
}
