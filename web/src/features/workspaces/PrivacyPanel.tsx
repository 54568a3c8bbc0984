import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { Panel } from "@/ui/Panel";
import { setResponsesFor } from "./commands";
import { workspacesQuery } from "./queries";
import type { Role } from "./words";

const READERS = [
  { value: "viewer", label: "Everybody" },
  { value: "member", label: "Members and owners" },
  { value: "owner", label: "Owners alone" },
];

/** For owners: who reads what came back. */
export function PrivacyPanel() {
  const { data } = useQuery(workspacesQuery());
  const workspace = data?.find(({ selected }) => selected);
  const { run, pending } = useCommand({
    run: setResponsesFor,
    changes: [keys.workspaces(), keys.responses.all()],
    said: () => "Saved.",
    failed: "They are read by the same people as before",
  });
  return (
    <Panel
      title="Replies"
      description="What people answer is their mail. It is read, and answered, by those of the workspace whom you choose here."
    >
      {workspace && (
        <Select
          label="Read by"
          w={240}
          data={READERS}
          value={workspace.responsesFor}
          onChange={(role) => role && void run(role as Role)}
          allowDeselect={false}
          disabled={pending}
        />
      )}
    </Panel>
  );
}
