import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { answer, api } from "@/api/client";
import { ApiProblem, sentence } from "@/api/problem";
import { session } from "@/api/session";
import { dropAllOf } from "@/features/compose/draft/place";
import { useLeavePage } from "@/forms/useUnsaved";

/** Ends the session and leaves nothing of its person in this browser. */
export function useLogOut() {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const leavePage = useLeavePage();
  return async () => {
    if (!(await leavePage())) return;
    const { user } = session.get();
    try {
      await answer(api.POST("/api/auth/logout"));
      session.end();
    } catch (error) {
      const isOut = error instanceof ApiProblem && (error.status === 401 || error.isOfAnotherAccount);
      if (!isOut) {
        notifications.show({ color: "red", title: "Still logged in", message: sentence(error) });
        return;
      }
      session.end({ everywhere: false });
    }
    await navigate({ to: "/login", ignoreBlocker: true });
    queries.clear();
    if (user) dropAllOf(user.id);
  };
}
