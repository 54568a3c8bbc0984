// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { commandsCache } from "@/forms/useCommand";
import { SessionsPanel } from "./SessionsPanel";

const session = (id: number) => ({
  id,
  address: `192.0.2.${id}`,
  userAgent: "",
  current: false,
  createdAt: "2026-01-01T00:00:00Z",
  lastSeenAt: "2026-01-01T00:00:00Z",
});

test("the second half of a double click ends no session that stands where the first one's was", async () => {
  const ended: string[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    if (request.method === "GET") return Response.json([session(1), session(2)]);
    ended.push(new URL(request.url).pathname);
    return new Response(null, { status: 204 });
  });
  const queries: QueryClient = new QueryClient({ mutationCache: commandsCache(() => queries) });
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider env="test">
        <SessionsPanel />
      </MantineProvider>
    </QueryClientProvider>,
  );
  const [first, second] = await screen.findAllByRole("button", { name: "Log out" });
  if (!first || !second) throw new Error("two sessions are there");
  fireEvent.click(second, { detail: 2 });
  fireEvent.click(first, { detail: 1 });
  await waitFor(() => expect(ended).toEqual(["/api/auth/sessions/1"]));
});
