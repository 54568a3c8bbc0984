import { IconClock } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useMay } from "@/features/workspaces/useMay";
import { EmptyState } from "@/ui/EmptyState";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { EmailsInStatus } from "./EmailsInStatus";

const route = getRouteApi("/inside/scheduled");

export function ScheduledPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const maySend = useMay("member");
  return (
    <>
      <PageHeader title="Scheduled" description="Emails that wait for their time, the next one first." />
      <EmailsInStatus
        status="SCHEDULED"
        search={search}
        onChange={(patch) => navigate({ search: (old) => ({ ...old, ...patch }), replace: true })}
        columns={["campaign", "planned", "attempts", "reply"]}
        empty={
          <EmptyState
            icon={IconClock}
            title="Nothing waits"
            action={maySend && <ButtonLink to="/compose">New campaign</ButtonLink>}
          >
            Once a campaign is scheduled, its emails wait here until their time.
          </EmptyState>
        }
      />
    </>
  );
}
