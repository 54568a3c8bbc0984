import { Button, Checkbox, Group } from "@mantine/core";
import type { ReactNode } from "react";
import { count } from "@/ui/numbers";
import { type Target, useDecisions } from "./commands";
import classes from "./SelectionBar.module.css";
import { DECISIONS, type Decision } from "./words";

interface Props {
  decisions: readonly Decision[];
  chosen: number[];
  loaded: number;
  /** All of a campaign that are in question, where that is known. */
  whole: { campaignId: number; n: number } | null;
  /** Other buttons for what is chosen. */
  more?: ReactNode;
  onAll: (on: boolean) => void;
}

/** Over the table: choose all that are loaded, decide on what is chosen or on all of the campaign. */
export function SelectionBar({ decisions, chosen, loaded, whole, more, onAll }: Props) {
  const { pending, decide } = useDecisions();
  const none = chosen.length === 0;
  const run = async (decision: Decision, target: Target) => {
    if (await decide(decision, target)) onAll(false);
  };
  return (
    <div className={classes.bar}>
      <Checkbox
        label={none ? `Select all ${count(loaded)} loaded` : `${count(chosen.length)} selected`}
        checked={chosen.length === loaded}
        indeterminate={!none && chosen.length < loaded}
        onChange={(event) => onAll(event.currentTarget.checked)}
        classNames={{ label: "tabular" }}
      />
      <Group gap={6}>
        {decisions.map((decision) => (
          <Button
            key={decision}
            size="xs"
            variant={decision === "resend" || decision === "retry" ? "filled" : "default"}
            disabled={none}
            loading={pending}
            onClick={() => run(decision, { ids: chosen })}
          >
            {DECISIONS[decision].button}
          </Button>
        ))}
        {more}
        {whole &&
          decisions.map((decision) => (
            <Button
              key={decision}
              size="xs"
              variant="subtle"
              disabled={pending}
              onClick={() => run(decision, whole)}
            >
              {DECISIONS[decision].button}: all {count(whole.n)} of this campaign
            </Button>
          ))}
      </Group>
    </div>
  );
}
