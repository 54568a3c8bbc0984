import { QueryClient } from "@tanstack/react-query";
import { ApiProblem } from "@/api/problem";

/** What was read from the API, for all pages. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < 2 && isPassing(error),
    },
  },
});

/** Whether trying again may help: no answer, or a failure of the server's own. */
function isPassing(error: unknown): boolean {
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 500);
}
