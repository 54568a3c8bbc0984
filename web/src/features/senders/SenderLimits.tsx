import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { leftInWords, limitsInWords, rampInWords } from "./limitWords";
import { type Sender, sendersQuery } from "./queries";
import classes from "./SenderCard.module.css";

/** The emails that a sender may send still, by which limits, and who shares these. */
export function SenderLimits({ sender }: { sender: Sender }) {
  const { data } = useQuery(sendersQuery());
  const limits = limitsInWords(sender);
  const ramp = rampInWords(sender);
  const others = sender.sharesLoginWith.map(
    (id) => data?.items.find((each) => each.id === id)?.email ?? `sender ${id}`,
  );
  return (
    <ul className={classes.limits} aria-label="Limits">
      <li>
        <Text span inherit c="var(--mantine-color-text)">
          {leftInWords(sender)}
        </Text>
        {limits && ` Limits: ${limits}.`}
      </li>
      {ramp && <li>{ramp}</li>}
      {others.length > 0 && (
        <li>
          Logs in as {others.join(", ")} {others.length > 1 ? "do" : "does"}: limits and connections are for
          all of them together.
        </li>
      )}
    </ul>
  );
}
