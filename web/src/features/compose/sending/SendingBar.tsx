import { Button, Text } from "@mantine/core";
import { IconCalendarTime } from "@tabler/icons-react";
import type { Ref } from "react";
import type { Sender } from "@/features/senders/queries";
import { useSandboxed } from "@/features/senders/useSandboxed";
import { FormFailure } from "@/forms/FormFailure";
import { counted } from "@/ui/numbers";
import { spanSentence } from "../plan/words";
import type { Plan } from "../queries";
import classes from "./SendingBar.module.css";

interface Props {
  bar: Ref<HTMLElement>;
  /** Of the draft as it is; undefined while something lacks or it is asked for. */
  plan: Plan | undefined;
  senders: readonly Sender[];
  pending: boolean;
  disabled: boolean;
  failure: string | null;
}

/** At the bottom of the screen however long the page is: what would happen, and the way there. */
export function SendingBar({ bar, plan, senders, pending, disabled, failure }: Props) {
  const isSandboxed = useSandboxed();
  const from = senders.length === 1 ? senders[0]?.email : counted(senders.length, "mailbox", "mailboxes");
  const isTrial = senders.length > 0 && senders.every(isSandboxed);
  return (
    <section ref={bar} className={classes.bar} tabIndex={-1} aria-label="Scheduling">
      <FormFailure text={failure} />
      <div className={classes.row}>
        <div className={classes.told}>
          <Text size="sm" fw={550} lineClamp={3}>
            {plan ? spanSentence(plan, senders) : "Not ready yet"}
          </Text>
          <Text size="sm" c="dimmed" truncate>
            {senders.length > 0 && `From ${from}${isTrial ? ", to the sandbox alone" : ""}`}
          </Text>
        </div>
        <Button
          type="submit"
          size="md"
          loading={pending}
          disabled={disabled}
          leftSection={<IconCalendarTime size={18} aria-hidden />}
        >
          {plan ? `Schedule ${counted(plan.accepted, "email")}` : "Schedule"}
        </Button>
      </div>
    </section>
  );
}
