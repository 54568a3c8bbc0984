// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { notifyManager, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import { beforeAll, expect, test, vi } from "vitest";
import { request } from "@/api/client";
import { keys } from "@/api/keys";
import { ApiProblem } from "@/api/problem";
import { HtmlFrame } from "./HtmlFrame";

vi.mock("@/api/client", () => ({ request: vi.fn(), addressOf: (path: string) => path }));

beforeAll(() => {
  notifyManager.setScheduler((told) => told()); // and not a moment later
});

const PATH = "http://localhost/api/responses/1/html";

test("a message that is read stays on a failure that passes, and goes once it is there no more", async () => {
  const answer = vi.mocked(request);
  answer.mockResolvedValueOnce(new Response("<p>Hello</p>"));
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider env="test">
        <HtmlFrame path={PATH} title="The message" />
      </MantineProvider>
    </QueryClientProvider>,
  );
  const frame = await screen.findByTitle("The message");
  for (const status of [0, 503, 429]) {
    answer.mockRejectedValueOnce(new ApiProblem(status, "Failed", "it failed"));
    await act(() => queries.invalidateQueries({ queryKey: keys.frame(PATH) }));
    expect(screen.queryByTitle("The message")).toBe(frame);
  }
  answer.mockRejectedValueOnce(new ApiProblem(404, "Not Found", "there is no such response"));
  await act(() => queries.invalidateQueries({ queryKey: keys.frame(PATH) }));
  expect(screen.queryByTitle("The message")).toBeNull();
  expect(screen.getByRole("status").textContent).toBe("There is no such response.");
});
