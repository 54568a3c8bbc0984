import { useQuery } from "@tanstack/react-query";
import { workspacesQuery } from "@/features/workspaces/queries";
import { covers } from "@/features/workspaces/words";

/** Whether the person logged in reads what came back: a workspace says from which role on. */
export function useMayRead(): boolean {
  const { data } = useQuery(workspacesQuery());
  const workspace = data?.find(({ selected }) => selected);
  return workspace !== undefined && covers(workspace.role, workspace.responsesFor);
}
