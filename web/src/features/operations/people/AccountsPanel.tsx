import { Badge, Button, Checkbox, Group, Stack, Text } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { meQuery } from "@/features/accounts/queries";
import { Time } from "@/time/Time";
import { CopyField } from "@/ui/CopyField";
import { confirm } from "@/ui/confirm";
import { Listing } from "@/ui/Listing";
import { LoadMore } from "@/ui/LoadMore";
import { counted } from "@/ui/numbers";
import { Panel, Row, Rows } from "@/ui/Panel";
import { SearchField } from "@/ui/SearchField";
import {
  type Account,
  useDisable,
  useEnable,
  useEndSessions,
  useRemove,
  useResetLink,
  useRevokeKeys,
} from "../commands";
import { usersQuery } from "../queries";

export function AccountsPanel() {
  const [q, setQ] = useState<string | undefined>();
  const query = useInfiniteQuery(usersQuery(q));
  return (
    <Panel
      title="Accounts"
      description="Who has an account on this installation, the first one first. A disabled account opens nothing until it is enabled again."
      rows={
        <Listing query={query}>
          {({ pages }) => {
            const accounts = pages.flatMap((page) => page.items);
            return (
              <>
                <Rows label="Accounts">
                  {accounts.map((account) => (
                    <AccountRow key={account.id} account={account} />
                  ))}
                </Rows>
                {accounts.length === 0 ? (
                  <Text c="dimmed" ta="center" p="md" role="status">
                    No address has “{q}” in it.
                  </Text>
                ) : (
                  <LoadMore query={query} shown={accounts.length} noun="account" />
                )}
              </>
            );
          }}
        </Listing>
      }
    >
      <search>
        <SearchField label="Search accounts" value={q} onChange={setQ} />
      </search>
    </Panel>
  );
}

function AccountRow({ account }: { account: Account }) {
  const { data: me } = useQuery(meQuery);
  const isMe = account.id === me?.id;
  const [token, setToken] = useState<string | null>(null);
  return (
    <Row
      title={
        <Group gap="xs">
          <span style={{ overflowWrap: "anywhere" }}>{account.email}</span>
          {isMe && <Badge>You</Badge>}
          {account.isAdmin && <Badge>Administrator</Badge>}
          {account.disabledAt && <Badge color="gray">Disabled</Badge>}
        </Group>
      }
      facts={
        <>
          <span>
            Since <Time value={account.createdAt} />
          </span>
          {account.disabledAt && (
            <span>
              Disabled <Time value={account.disabledAt} />
            </span>
          )}
          <span>{counted(account.sessions, "session")}</span>
          <span>{counted(account.keys, "API key")}</span>
          {token && (
            <CopyField
              label={`Link to a new password for ${account.email}, shown this once`}
              value={`${location.origin}/reset-password?${new URLSearchParams({ token })}`}
            />
          )}
        </>
      }
      actions={me && !isMe && <Actions account={account} me={me} made={setToken} />}
    />
  );
}

interface Props {
  account: Account;
  me: { id: number };
  /** The token of a link to a new password. */
  made: (token: string) => void;
}

function Actions({ account, me, made }: Props) {
  const disable = useDisable(account);
  const enable = useEnable(account);
  const sessions = useEndSessions(account);
  const apiKeys = useRevokeKeys(account);
  const remove = useRemove(account);
  const resetLink = useResetLink(account, made);
  const { email } = account;
  const askToDisable = async () => {
    let pauseCampaigns = false;
    const sure = await confirm({
      title: `Disable ${email}?`,
      children: (
        <Stack gap="sm">
          <Text>
            Nobody gets in by this account any more, and its API keys are refused, until you enable it again.
            What is scheduled in its workspaces goes on.
          </Text>
          <Checkbox
            label="Pause campaigns in workspaces that it alone owns"
            onChange={(event) => {
              pauseCampaigns = event.currentTarget.checked;
            }}
          />
        </Stack>
      ),
      confirm: "Disable the account",
    });
    if (sure) await disable.run(pauseCampaigns);
  };
  const askToRemove = async () => {
    let heir: number | null = me.id;
    const sure = await confirm({
      title: `Remove ${email} for good?`,
      children: (
        <Stack gap="sm">
          <Text>
            The account is gone with its sessions and API keys. Workspaces that others own, too, go on without
            it.
          </Text>
          <Checkbox
            label="Hand over to me what it alone owns"
            description="Otherwise those workspaces are deleted, which needs their campaigns to be over."
            defaultChecked
            onChange={(event) => {
              heir = event.currentTarget.checked ? me.id : null;
            }}
          />
        </Stack>
      ),
      confirm: "Remove the account",
    });
    if (sure) await remove.run(heir);
  };
  return (
    <Group gap={6}>
      {account.sessions > 0 && (
        <Button
          size="xs"
          variant="default"
          loading={sessions.pending}
          onClick={() => sessions.run()}
          aria-label={`Log out ${email}`}
        >
          Log out
        </Button>
      )}
      {account.keys > 0 && (
        <Button
          size="xs"
          variant="default"
          loading={apiKeys.pending}
          onClick={apiKeys.revoke}
          aria-label={`Revoke keys of ${email}`}
        >
          Revoke keys
        </Button>
      )}
      {!account.disabledAt && (
        <Button
          size="xs"
          variant="default"
          loading={resetLink.pending}
          onClick={resetLink.make}
          aria-label={`New password for ${email}`}
        >
          New password
        </Button>
      )}
      {account.disabledAt ? (
        <Button
          size="xs"
          variant="default"
          loading={enable.pending}
          onClick={() => enable.run()}
          aria-label={`Enable ${email}`}
        >
          Enable
        </Button>
      ) : (
        <Button
          size="xs"
          variant="default"
          loading={disable.pending}
          onClick={askToDisable}
          aria-label={`Disable ${email}`}
        >
          Disable
        </Button>
      )}
      <Button
        size="xs"
        variant="default"
        loading={remove.pending}
        onClick={askToRemove}
        aria-label={`Remove ${email}`}
      >
        Remove
      </Button>
    </Group>
  );
}
