import { useRouter } from "@tanstack/react-router";
import { answer, api } from "@/api/client";
import { useCommand } from "@/forms/useCommand";
import { useEnterWorkspace } from "./useEnterWorkspace";

export const select = (id: number) =>
  answer(api.POST("/api/workspaces/{id}/select", { params: { path: { id } } }));

/** Go to another workspace. Apart from the other commands, which not every page needs. */
export function useSelectWorkspace() {
  const router = useRouter();
  const enter = useEnterWorkspace();
  const { run, pending } = useCommand({
    run: select,
    done: enter,
    failed: "You are still in this workspace",
  });
  const go = async (id: number) => {
    // First away from the page: it may ask whether what was typed is to be left.
    await router.navigate({ to: "/", search: {} });
    if (router.state.location.pathname === "/") await run(id);
  };
  return { go, pending };
}
