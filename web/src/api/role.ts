/** What one may do, by one's role: pages offer by what was read of it, and somebody else may change it at any time. */

import { hashKey, type QueryClient, type QueryKey } from "@tanstack/react-query";
import { keys } from "./keys";
import { ApiProblem } from "./problem";

const roles = (): QueryKey[] => [keys.me, keys.workspaces()];

export const readRoleAnew = (queries: QueryClient) =>
  Promise.all(roles().map((queryKey) => queries.invalidateQueries({ queryKey })));

/** A refusal says that the role is another than the page has it. The question for the role has its own as its answer. */
export function hearRefusal(queries: QueryClient, error: Error, asked?: QueryKey): void {
  if (!(error instanceof ApiProblem && error.status === 403)) return;
  if (asked && roles().some((key) => hashKey(key) === hashKey(asked))) return;
  void readRoleAnew(queries);
}
