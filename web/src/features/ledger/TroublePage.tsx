import { Box, Checkbox, Stack, Text } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { totalsQuery } from "@/features/operations/queries";
import { dayAround } from "@/time/days";
import { useNow } from "@/time/useNow";
import { Choice } from "@/ui/Choice";
import { EmptyState } from "@/ui/EmptyState";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { TableSkeleton } from "@/ui/skeletons";
import { EmailsInStatus } from "./EmailsInStatus";
import { FailureGroups } from "./FailureGroups";
import { type EmailSearch, isNarrowed } from "./search";

const route = getRouteApi("/inside/trouble");

const WORDS = {
  FAILED: {
    about:
      "A mail server refused these for good, or too often. Decide on each reason at once, or on some of them below.",
    none: "Nothing that failed waits for a decision",
  },
  UNKNOWN: {
    about:
      "The connection was lost before the answer: the mail server may have these, or not. They wait for your word.",
    none: "Nothing is in doubt",
  },
};

export function TroublePage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: totals, isPending } = useQuery(totalsQuery(dayAround(new Date(useNow())).end.toISOString()));
  const change = (patch: Partial<EmailSearch>) =>
    navigate({ search: (old) => ({ ...old, ...patch }), replace: true });
  const asked = search.status === "FAILED" || search.status === "UNKNOWN" ? search.status : undefined;
  // What was opened stays, whatever the totals become: somebody may be choosing in it.
  const [opened, setOpened] = useState<keyof typeof WORDS>();
  if (!opened && !asked && totals)
    setOpened(totals.undecided === 0 && totals.counts.UNKNOWN ? "UNKNOWN" : "FAILED");
  const status = asked ?? opened ?? "FAILED";
  const words = WORDS[status];
  return (
    <>
      <PageHeader title="Failed and in doubt" description="Emails that need a decision of yours." />
      <Choice
        label="What is shown"
        options={[
          { value: "FAILED" as const, label: "Failed", n: totals?.undecided },
          { value: "UNKNOWN" as const, label: "In doubt", n: totals?.counts.UNKNOWN },
        ]}
        value={status}
        onChange={(value) => change({ status: value })}
      />
      <Text size="sm" c="dimmed" my="sm">
        {words.about}
      </Text>
      <Box>
        {!asked && !opened && isPending ? (
          <TableSkeleton />
        ) : (
          <Stack gap="md">
            {status === "FAILED" && (
              <>
                <FailureGroups
                  campaignId={search.campaignId}
                  narrowed={isNarrowed(search)}
                  shown={search.failedFor}
                  onShow={(failedFor) => change({ failedFor })}
                />
                <Checkbox
                  label="List also what was decided on"
                  checked={search.decided ?? false}
                  onChange={(event) => change({ decided: event.currentTarget.checked || undefined })}
                />
              </>
            )}
            <EmailsInStatus
              status={status}
              search={search}
              onChange={change}
              columns={["campaign", "planned", "attempts", "reply"]}
              empty={
                <EmptyState
                  icon={IconCircleCheck}
                  title={words.none}
                  action={
                    <ButtonLink to="/" variant="default">
                      See the campaigns
                    </ButtonLink>
                  }
                >
                  Emails come here when only a person can decide what becomes of them.
                </EmptyState>
              }
            />
          </Stack>
        )}
      </Box>
    </>
  );
}
