import { Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { LeftOut } from "@/features/recipients/LeftOut";
import { FocusBack } from "@/ui/FocusBack";
import { count, counted } from "@/ui/numbers";
import type { Scheduled } from "../commands";
import type { Plan } from "../queries";
import { leftOutSince } from "../recipients/leftOut";
import type { Recipients } from "../recipients/useRecipients";

/** What was scheduled is not what was confirmed: how many it is, and who is left out beside those who were to be. */
export function tellOthers(
  confirmed: Plan,
  scheduled: Scheduled,
  recipients: Pick<Recipients, "rowOf" | "rowWord">,
): void {
  const more = scheduled.accepted - confirmed.accepted;
  const rows = leftOutSince(confirmed, scheduled, recipients);
  modals.open({
    size: 620,
    title: `${counted(scheduled.accepted, "email")} scheduled, not ${count(confirmed.accepted)}`,
    children: (
      <Stack gap="md">
        <FocusBack />
        <Text>
          {more < 0
            ? `${count(-more)} fewer than you confirmed: who may be written to has changed in that moment.`
            : `${count(more)} more than you confirmed: who may be written to has changed in that moment.`}
        </Text>
        <LeftOut rows={rows} total={rows.length} rowWord={recipients.rowWord} />
      </Stack>
    ),
  });
}
