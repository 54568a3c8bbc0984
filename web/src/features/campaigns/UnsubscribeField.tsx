import "@mantine/core/styles/RadioCard.layer.css";
import "@mantine/core/styles/Radio.layer.css";
import { Radio, type RadioGroupProps, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { waysQuery } from "@/features/accounts/queries";
import { buttonHopes } from "@/features/senders/buttonHopes";
import type { Sender } from "@/features/senders/queries";
import { AnchorLink } from "@/ui/links";
import { optionsOf } from "@/ui/options";
import type { Unsubscribe } from "./queries";

type Words = { label: string; description: string };

const WAYS = optionsOf<Unsubscribe, Words>({
  link: {
    label: "A link in the text",
    description:
      "Where the text has none, a line with it is put at the end. Mail programs show a button, too.",
  },
  header: { label: "The mail program's button", description: "The text stays as it is." },
  none: { label: "Not at all", description: "For letters to people who expect them." },
});

interface Props extends Omit<RadioGroupProps, "children" | "label"> {
  /** The senders of the mail, to say whether the button can be hoped for. */
  senders?: readonly Sender[];
}

/** How recipients say that they want no more. */
export function UnsubscribeField({ disabled, senders, ...group }: Props) {
  const { data: ways } = useQuery(waysQuery);
  const hopes = ways?.oneClick && group.value !== "none" ? buttonHopes(senders ?? []) : [];
  return (
    <Radio.Group
      label="How recipients unsubscribe"
      description="Or put {{ unsubscribe_url }} where the link belongs."
      {...group}
    >
      <Stack gap="xs" mt="xs">
        {WAYS.map((way) => (
          <Radio key={way.value} disabled={disabled} {...way} />
        ))}
        {ways && !ways.oneClick && (
          <Text size="sm" c="dimmed">
            There is no button here: mail programs show one only where BASE_URL is an https:// address that
            the world reaches. It is {ways.baseUrl}.
          </Text>
        )}
        {hopes.map(({ hopes, text }) => (
          <Text key={hopes} size="sm" c="dimmed">
            {text} {hopes === "unknown" && <AnchorLink to="/senders">Check now</AnchorLink>}
          </Text>
        ))}
      </Stack>
    </Radio.Group>
  );
}
