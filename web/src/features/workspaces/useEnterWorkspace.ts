import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { session, type User } from "@/api/session";
import { meQuery } from "@/features/accounts/queries";

/**
 * The session is about another workspace: what was read of the one before is forgotten, and the campaigns are shown.
 * `user` is what the API answered to whatever led here; null where that is not known, and a new page will learn it.
 */
export function useEnterWorkspace() {
  const queries = useQueryClient();
  const router = useRouter();
  return async (user: User | null) => {
    if (user === null) {
      globalThis.location.assign("/");
      return;
    }
    queries.clear();
    queries.setQueryData(meQuery.queryKey, user);
    session.begin(user); // the frame of the pages is made anew with it
    await router.navigate({ to: "/", search: {}, ignoreBlocker: true });
  };
}
