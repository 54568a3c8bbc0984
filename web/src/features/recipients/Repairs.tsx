import { Button, Group, List, Stack, Text } from "@mantine/core";
import type { components } from "@/api/schema";
import { count, counted } from "@/ui/numbers";

type Heard = Pick<components["schemas"]["Preview"], "repaired" | "repairedRows" | "suspects" | "suspectRows">;

interface Props {
  heard: Heard;
  rowWord: string;
  rowOf: (row: number) => number;
  everyAddress: boolean;
  onEveryAddress: (every: boolean) => void;
  onCorrect: (corrections: Record<string, string>) => void;
}

const SHOWN = 5;

/** Repaired addresses, and questions about the recipients. */
export function Repairs({ heard, rowWord, rowOf, everyAddress, onEveryAddress, onCorrect }: Props) {
  const { repaired = 0, repairedRows = [], suspects = 0, suspectRows = [] } = heard;
  const others = repairedRows.filter((row) => row.others.length > 0).length;
  const corrections = Object.fromEntries(suspectRows.map(({ email, meant }) => [domainOf(email), meant]));
  return (
    <Stack gap="sm">
      {suspects > 0 && (
        <section aria-label="Probably mistyped">
          <Text size="sm" fw={500} mb={4}>
            {counted(suspects, "address", "addresses")} probably mistyped
          </Text>
          <List size="sm">
            {Object.entries(corrections)
              .slice(0, SHOWN)
              .map(([domain, meant]) => (
                <List.Item key={domain}>
                  {domain}: is {meant} meant?
                </List.Item>
              ))}
          </List>
          <Group gap="xs" mt={4}>
            <Button variant="default" size="compact-sm" onClick={() => onCorrect(corrections)}>
              Correct them
            </Button>
            <Text size="sm" c="dimmed">
              Otherwise they are written to as they are.
            </Text>
          </Group>
        </section>
      )}
      {repaired > 0 && (
        <section aria-label="Repaired">
          <Text size="sm" fw={500} mb={4}>
            {counted(repaired, "entry", "entries")} repaired
          </Text>
          <List size="sm">
            {repairedRows.slice(0, SHOWN).map(({ row, email, address, what }) => (
              <List.Item key={`${row} ${address}`} style={{ overflowWrap: "anywhere" }}>
                {rowWord} {count(rowOf(row))}: {address} of “{email}”: {what}.
              </List.Item>
            ))}
          </List>
          {(others > 0 || everyAddress) && (
            <Button variant="default" size="compact-sm" mt={4} onClick={() => onEveryAddress(!everyAddress)}>
              {everyAddress
                ? "Take the first address of a cell alone"
                : "Take the other addresses of these cells, too"}
            </Button>
          )}
        </section>
      )}
    </Stack>
  );
}

const domainOf = (email: string) => email.slice(email.lastIndexOf("@") + 1);
