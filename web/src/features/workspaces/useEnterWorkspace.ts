import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { session, type User } from "@/api/session";
import { meQuery } from "@/features/accounts/queries";

/**
 * The session is about another workspace: what was read of the one before is forgotten, and the campaigns are shown.
 * `user` is what the API answered to whatever led here.
 */
export function useEnterWorkspace() {
  const queries = useQueryClient();
  const router = useRouter();
  return async (user: User) => {
    queries.clear();
    queries.setQueryData(meQuery.queryKey, user);
    session.begin(user); // the frame of the pages is made anew with it
    await router.navigate({ to: "/", search: {} });
  };
}
