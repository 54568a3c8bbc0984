import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { keys } from "@/api/keys";
import { useMay } from "@/features/workspaces/useMay";
import { count, counted } from "@/ui/numbers";
import { Panel, Rows } from "@/ui/Panel";
import { useDecisions } from "./commands";
import classes from "./FailureGroups.module.css";
import { type FailureDecision, type FailureReason, failuresQuery, isMoving } from "./queries";
import { DECISIONS, decisionsOn, FAILURE, progressOf } from "./words";

interface Props {
  campaignId?: number | undefined;
  /** The list below is of some recipients or one sender alone, and these are not: so no word is on all of them. */
  narrowed: boolean;
  /** The reason of which the list below is. */
  shown: FailureReason | undefined;
  onShow: (reason: FailureReason | undefined) => void;
}

/** Emails that failed and wait for a word, by reason: decided on all of one at once, of any number. */
export function FailureGroups({ campaignId, narrowed, shown, onShow }: Props) {
  const { data } = useQuery(failuresQuery(campaignId));
  const { pending, decide } = useDecisions();
  const maySend = useMay("member");
  useReadAnew(
    data ? isMoving(data) : false,
    data?.failed.groups.reduce((n, group) => n + group.count, 0) ?? 0,
  );
  if (!data) return null;
  const { groups, unsorted } = data.failed;
  if (groups.length === 0 && unsorted === 0 && data.decisions.length === 0) return null;
  return (
    <Stack gap="sm">
      {data.decisions.filter(isTold).map((decision) => (
        <Carried key={decision.id} decision={decision} />
      ))}
      {unsorted > 0 && (
        <Text size="sm" c="dimmed">
          {counted(unsorted, "email")} failed just now, and {unsorted === 1 ? "is" : "are"} being sorted.
        </Text>
      )}
      {groups.length > 0 && maySend && narrowed && (
        <Text size="sm" c="dimmed">
          These are of all senders and recipients. Clear the search and the sender to decide on all of a
          reason.
        </Text>
      )}
      {groups.length > 0 && (
        <Panel
          rows={
            <Rows label="Reasons">
              {groups.map(({ reason, count: n, code, reply }) => (
                <li key={reason} className={classes.group} data-shown={shown === reason || undefined}>
                  <div className={classes.words}>
                    <Text fw={600}>
                      {FAILURE[reason].label} <span className={classes.count}>{count(n)}</span>
                    </Text>
                    <Text size="sm" c="dimmed">
                      {FAILURE[reason].advice}
                    </Text>
                    {reply && (
                      <Text size="xs" c="dimmed" lineClamp={2} className={classes.reply ?? ""}>
                        {code ? `${code} ` : ""}
                        {reply}
                      </Text>
                    )}
                  </div>
                  <Group gap={6}>
                    <Button
                      size="xs"
                      variant="subtle"
                      aria-pressed={shown === reason}
                      onClick={() => onShow(shown === reason ? undefined : reason)}
                    >
                      {shown === reason ? "Show all" : "Show"}
                    </Button>
                    {maySend &&
                      !narrowed &&
                      decisionsOn("FAILED").map((decision) => (
                        <Button
                          key={decision}
                          size="xs"
                          variant="default"
                          disabled={pending}
                          onClick={() => decide(decision, { campaignId, reason, n })}
                        >
                          {DECISIONS[decision].button}: all {count(n)}
                        </Button>
                      ))}
                  </Group>
                </li>
              ))}
            </Rows>
          }
        />
      )}
    </Stack>
  );
}

/** Told as long as it goes on or ended early; what is over was said in a corner, unless it was many. */
function isTold({ finishedAt, total, error }: FailureDecision): boolean {
  return !finishedAt || Boolean(error) || total > 1_000;
}

function Carried({ decision }: { decision: FailureDecision }) {
  const { finishedAt, error, changed, leftOut, total } = decision;
  const done = total === 0 ? 100 : (100 * (changed + leftOut)) / total;
  return (
    <Alert color={error ? "red" : "petrol"} radius="lg" role="status">
      <Text size="sm">{progressOf(decision)}</Text>
      {!finishedAt && <Progress mt={6} value={done} aria-label="How much is decided" />}
    </Alert>
  );
}

/** Lists and figures follow what is carried out in the background. */
function useReadAnew(moving: boolean, left: number) {
  const queries = useQueryClient();
  const seen = useRef({ moving, left });
  useEffect(() => {
    const { current } = seen;
    seen.current = { moving, left };
    if (!(current.moving || moving) || (current.left === left && current.moving === moving)) return;
    for (const queryKey of [keys.emails.lists(), keys.stats.all(), keys.campaigns.all()]) {
      void queries.invalidateQueries({ queryKey });
    }
  }, [queries, moving, left]);
}
