import { Paper, Stack, Text, Title } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ApiProblem, sentence } from "@/api/problem";
import type { components } from "@/api/schema";
import { ResponsesPanel } from "@/features/inbound/ResponsesPanel";
import { CANCELLED_FOR } from "@/features/ledger/course";
import { NextStepNote } from "@/features/ledger/NextStepNote";
import { Time } from "@/time/Time";
import { ErrorState } from "@/ui/ErrorState";
import { AnchorLink } from "@/ui/links";
import { counted } from "@/ui/numbers";
import { PageHeader } from "@/ui/PageHeader";
import { PageSkeleton } from "@/ui/skeletons";
import { recipientQuery } from "../queries";
import { Matches } from "./Matches";
import { PersonalData } from "./PersonalData";
import { Standing } from "./Standing";
import { isWhole } from "./search";
import { Timeline } from "./Timeline";

const route = getRouteApi("/inside/recipients");

/** One recipient over all campaigns; for a part of an address, those whose it may be. */
export function RecipientPage() {
  const { email = "", q = "" } = route.useSearch();
  const whole = isWhole(email);
  const { error } = useInfiniteQuery({ ...recipientQuery(email), enabled: whole });
  const refused = whole && error instanceof ApiProblem && error.status === 422 ? error : null;
  if (!whole || refused) {
    // In the one place, refused or not: whoever types in it goes on typing.
    return <Matches text={email || q} why={refused && sentence(refused.errors.email ?? refused)} />;
  }
  return <One key={email} email={email} />;
}

function One({ email }: { email: string }) {
  const query = useInfiniteQuery(recipientQuery(email));
  if (query.isPending) return <PageSkeleton />;
  const [first] = query.data?.pages ?? [];
  if (!query.data || !first) {
    return (
      <>
        <PageHeader title={email} documentTitle="Recipient" />
        <ErrorState error={query.error} retry={query.refetch} />
      </>
    );
  }
  return (
    <>
      {/* The browser keeps titles of pages in its history: no address among them. */}
      <PageHeader title={first.email} documentTitle="Recipient" description={<Known page={first} />} />
      <Stack gap="lg">
        <Standing email={first.email} suppressions={first.suppressions} />
        <Comes page={first} />
        <ResponsesPanel of={{ address: first.email }} />
        <Timeline query={query} moments={query.data.pages.flatMap(({ items }) => items)} />
        <PersonalData email={first.email} />
      </Stack>
    </>
  );
}

/** How much was written to them, and what comes next. */
function Known({ page: { emails, next, nextSteps } }: { page: Page }) {
  if (emails === 0) return "Never written to from this workspace.";
  return (
    <>
      {emails >= MOST ? "10,000 emails and more" : counted(emails, "email")} from this workspace.{" "}
      {next ? (
        <Text span inherit>
          Next:{" "}
          <AnchorLink to="/emails/$id" params={{ id: next.id }}>
            {next.campaignName}
          </AnchorLink>
          , planned for <Time value={next.scheduledAt} />.
        </Text>
      ) : (
        nextSteps.length === 0 && "Nothing waits for them."
      )}
    </>
  );
}

/** Later steps that follow, and campaigns of which none does. */
function Comes({ page: { nextSteps, ended } }: { page: Page }) {
  if (nextSteps.length + ended.length === 0) return null;
  return (
    <Paper withBorder radius="lg" p="lg" component="section" aria-labelledby="comes-title">
      <Title order={2} id="comes-title" mb="xs">
        What comes next
      </Title>
      {nextSteps.map((next) => (
        <div key={next.emailId}>
          <AnchorLink to="/campaigns/$id" params={{ id: next.campaignId }}>
            {next.campaignName}
          </AnchorLink>
          <NextStepNote next={next} />
        </div>
      ))}
      {ended.map(({ campaignId, campaignName, reason }) => (
        <Text key={campaignId} mt={4}>
          Nothing more of{" "}
          <AnchorLink to="/campaigns/$id" params={{ id: campaignId }}>
            {campaignName}
          </AnchorLink>
          : {CANCELLED_FOR[reason].label.toLowerCase()}.
        </Text>
      ))}
    </Paper>
  );
}

/** As many as the API puts in order. */
const MOST = 10_000;

type Page = components["schemas"]["RecipientPage"];
