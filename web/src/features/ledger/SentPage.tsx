import { IconSend } from "@tabler/icons-react";
import { getRouteApi } from "@tanstack/react-router";
import { useMay } from "@/features/workspaces/useMay";
import { EmptyState } from "@/ui/EmptyState";
import { ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { EmailsInStatus } from "./EmailsInStatus";

const route = getRouteApi("/inside/sent");

export function SentPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const maySend = useMay("member");
  return (
    <>
      <PageHeader title="Sent" description="Emails that a mail server has accepted, the newest first." />
      <EmailsInStatus
        status="SENT"
        search={search}
        onChange={(patch) => navigate({ search: (old) => ({ ...old, ...patch }), replace: true })}
        columns={["campaign", "sent", "attempts", "reply"]}
        empty={
          <EmptyState
            icon={IconSend}
            title="Nothing has been sent yet"
            action={maySend && <ButtonLink to="/compose">New campaign</ButtonLink>}
          >
            Each email that a mail server has accepted is listed here with that server’s answer.
          </EmptyState>
        }
      />
    </>
  );
}
