import "@mantine/core/styles/RadioCard.layer.css";
import "@mantine/core/styles/Radio.layer.css";
import { Radio, type RadioGroupProps, Stack } from "@mantine/core";
import { optionsOf } from "@/ui/options";
import type { OnUnknown } from "./queries";

type Words = { label: string; description: string };

const POLICIES = optionsOf<OnUnknown, Words>({
  hold: { label: "Ask me", description: "It waits under “Failed and in doubt” until you decide." },
  resend: { label: "Send again", description: "Nobody is left out, but somebody may get it twice." },
  resend_if_not_in_sent: {
    label: "Send again if it is not in Sent",
    description:
      "After an hour, where the sender’s mailbox is read and its last wire check (within 30 days) showed that the server keeps copies. Otherwise it waits for you.",
  },
  assume_sent: {
    label: "Take it as sent",
    description: "Nobody gets it twice, but somebody may get nothing.",
  },
});

/** The policy for a campaign's emails in doubt. */
export function OnUnknownField({ disabled, ...group }: Omit<RadioGroupProps, "children" | "label">) {
  return (
    <Radio.Group
      label="When it is not known whether an email arrived"
      description="A connection can break just as an email is handed over."
      {...group}
    >
      <Stack gap="xs" mt="xs">
        {POLICIES.map((policy) => (
          <Radio key={policy.value} disabled={disabled} {...policy} />
        ))}
      </Stack>
    </Radio.Group>
  );
}
