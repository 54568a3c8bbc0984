import { notifications } from "@mantine/notifications";
import { QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiProblem, sentence } from "@/api/problem";
import { hearRefusal } from "@/api/role";
import { commandsCache } from "@/forms/useCommand";

/** The cache of the API's answers, for all pages. */
export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({
    onError(error, query) {
      hearRefusal(queryClient, error, query.queryKey);
      if (query.state.data !== undefined) tellStale(error); // else the page has nothing to show and says so itself
    },
    onSuccess: () => notifications.hide(STALE),
  }),
  mutationCache: commandsCache(() => queryClient),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && isPassing(error),
    },
    mutations: { networkMode: "always" }, // or one would wait for a network in silence
  },
});

const STALE = "stale";

/** Once, however many readings fail, until one succeeds. */
function tellStale(error: Error): void {
  notifications.show({
    id: STALE,
    color: "orange",
    title: "What is shown may be out of date",
    message: sentence(error),
    autoClose: false,
  });
}

/** Whether trying again may help: no answer, or a failure of the server's own. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 500);
}
