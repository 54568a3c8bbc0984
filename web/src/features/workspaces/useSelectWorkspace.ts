import { answer, api } from "@/api/client";
import { useCommand } from "@/forms/useCommand";
import { useLeavePage } from "@/forms/useUnsaved";
import { useEnterWorkspace } from "./useEnterWorkspace";

export const select = (id: number) =>
  answer(api.POST("/api/workspaces/{id}/select", { params: { path: { id } } }));

/** Go to another workspace. Apart from the other commands, which not every page needs. */
export function useSelectWorkspace() {
  const leavePage = useLeavePage();
  const enter = useEnterWorkspace();
  const { run, pending } = useCommand({
    run: select,
    done: enter,
    failed: "You are still in this workspace",
  });
  const go = async (id: number) => {
    if (await leavePage()) await run(id);
  };
  return { go, pending };
}
