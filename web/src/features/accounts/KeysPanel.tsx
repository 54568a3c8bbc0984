import { Alert, Anchor, Badge, Button, Group, Stack, Switch, Text } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Time } from "@/time/Time";
import { useNow } from "@/time/useNow";
import { CopyField } from "@/ui/CopyField";
import { Listing } from "@/ui/Listing";
import { counted } from "@/ui/numbers";
import { Panel, Row, Rows } from "@/ui/Panel";
import { type ApiKey, curl, keyState, SCOPES } from "./apiKeys";
import { useRevokeKey } from "./commands";
import { KeyForm } from "./KeyForm";
import { keysQuery } from "./queries";

export function KeysPanel() {
  const query = useQuery(keysQuery());
  const now = useNow();
  const [made, setMade] = useState<ApiKey | null>(null);
  const [all, setAll] = useState(false);
  return (
    <Stack>
      <Panel
        title="API keys"
        description={
          <>
            For programs that send for you. Each request names its key as a bearer token.{" "}
            <Anchor href="/docs" inherit>
              What the API can do
            </Anchor>
          </>
        }
      >
        {made ? <Made apiKey={made} done={() => setMade(null)} /> : <KeyForm done={setMade} />}
      </Panel>
      <Listing query={query}>
        {({ items }) => {
          const active = items.filter((key) => keyState(key, now) === "Active");
          const past = items.length - active.length;
          return (
            <>
              {past > 0 && (
                <Switch
                  label={`Show ${counted(past, "key")} revoked or expired`}
                  checked={all}
                  onChange={(event) => setAll(event.currentTarget.checked)}
                />
              )}
              {(all ? items : active).length > 0 ? (
                <Panel
                  rows={
                    <Rows label="API keys">
                      {(all ? items : active).map((key) => (
                        <KeyRow key={key.id} apiKey={key} state={keyState(key, now)} />
                      ))}
                    </Rows>
                  }
                />
              ) : (
                <Text c="dimmed">No key is in use.</Text>
              )}
            </>
          );
        }}
      </Listing>
    </Stack>
  );
}

function Made({ apiKey, done }: { apiKey: ApiKey; done: () => void }) {
  const key = apiKey.key ?? "";
  return (
    <Stack>
      <Alert color="petrol" icon={<IconKey aria-hidden />} role="status" title={`“${apiKey.name}” is made`}>
        Copy the key now. It is shown this once; only its first letters are kept.
      </Alert>
      <CopyField label="Key" value={key} />
      <CopyField
        label="Try it"
        description="In a terminal."
        value={curl(location.origin, key, apiKey.scopes)}
        lines={apiKey.scopes.includes("read") || !apiKey.scopes.includes("send") ? 2 : 4}
      />
      <Button variant="default" onClick={done} style={{ alignSelf: "flex-start" }}>
        I have copied it
      </Button>
    </Stack>
  );
}

function KeyRow({ apiKey, state }: { apiKey: ApiKey; state: ReturnType<typeof keyState> }) {
  const { revoke, pending } = useRevokeKey(apiKey);
  const scopes = SCOPES.filter(({ value }) => apiKey.scopes.includes(value)).map(({ label }) => label);
  return (
    <Row
      title={
        <Group gap="xs">
          <span>{apiKey.name}</span>
          {state !== "Active" && <Badge color="gray">{state}</Badge>}
        </Group>
      }
      facts={
        <>
          <span style={{ fontFamily: "var(--mantine-font-family-monospace)" }}>{apiKey.prefix}…</span>
          <span>{scopes.join(", ")}</span>
          <span>
            {apiKey.lastUsedAt ? (
              <>
                Used <Time value={apiKey.lastUsedAt} mode="relative" />
              </>
            ) : (
              "Never used"
            )}
          </span>
          <span>
            {apiKey.revokedAt ? (
              <>
                Revoked <Time value={apiKey.revokedAt} />
              </>
            ) : apiKey.expiresAt ? (
              <>
                {state === "Expired" ? "Expired" : "Expires"} <Time value={apiKey.expiresAt} />
              </>
            ) : (
              "Does not expire"
            )}
          </span>
        </>
      }
      actions={
        state === "Active" && (
          <Button
            size="xs"
            variant="default"
            loading={pending}
            onClick={revoke}
            aria-label={`Revoke ${apiKey.name}`}
          >
            Revoke
          </Button>
        )
      }
    />
  );
}
