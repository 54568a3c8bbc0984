import { Stack } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { AuditLog } from "@/features/accounts/AuditLog";
import { accountsAuditQuery } from "../queries";
import { AccountsPanel } from "./AccountsPanel";
import { InvitationsPanel } from "./InvitationsPanel";

/** For the administrator: who has an account, who may make one, and what was done to all of them. */
export function PeoplePanel() {
  return (
    <Stack>
      <InvitationsPanel />
      <AccountsPanel />
      <AuditLog
        title="Log of accounts"
        description="What was done to all accounts and to the installation, newest first, and from where."
        query={useInfiniteQuery(accountsAuditQuery())}
      />
    </Stack>
  );
}
