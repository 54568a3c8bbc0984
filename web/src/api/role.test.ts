import { QueryClient } from "@tanstack/react-query";
import { expect, test, vi } from "vitest";
import { keys } from "./keys";
import { ApiProblem } from "./problem";
import { hearRefusal } from "./role";

const refusal = () => new ApiProblem(403, "Forbidden", "Not for viewers.");

test("a refusal has the role read anew, but for that of the question for it, or it would be asked without end", () => {
  const queries = new QueryClient();
  const read = vi.spyOn(queries, "invalidateQueries");
  for (const asked of [keys.me, keys.workspaces()]) hearRefusal(queries, refusal(), asked);
  expect(read).not.toHaveBeenCalled();
  hearRefusal(queries, refusal(), keys.senders());
  hearRefusal(queries, refusal());
  expect(read.mock.calls.map(([filters]) => filters?.queryKey)).toEqual([
    keys.me,
    keys.workspaces(),
    keys.me,
    keys.workspaces(),
  ]);
});
