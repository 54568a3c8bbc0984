import { Text } from "@mantine/core";
import type { components } from "@/api/schema";
import { Time } from "@/time/Time";

/** The step that an email owes its recipient, when, and why it would not go. */
export function NextStepNote({ next: { step, at, waiting } }: { next: components["schemas"]["NextStep"] }) {
  return (
    <Text mt={4}>
      Step {step} follows <Time value={at} />, unless they answer before.
      {waiting.reason !== "FOLLOWS" && ` ${waiting.detail}`}
    </Text>
  );
}
