/** What one may do, by one's role: pages offer by what was read of it, and somebody else may change it at any time. */

import type { QueryClient } from "@tanstack/react-query";
import { keys } from "./keys";
import { ApiProblem } from "./problem";

export const readRoleAnew = (queries: QueryClient) =>
  Promise.all([keys.me, keys.workspaces()].map((queryKey) => queries.invalidateQueries({ queryKey })));

/** A refusal says that the role is another than the page has it. */
export function hearRefusal(queries: QueryClient, error: Error): void {
  if (error instanceof ApiProblem && error.status === 403) void readRoleAnew(queries);
}
