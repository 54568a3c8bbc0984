// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { answer } from "@/api/client";
import { TroublePage } from "./TroublePage";

vi.mock("@/api/client", () => ({ answer: vi.fn(), api: { GET: () => undefined }, addressOf: String }));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<object>()),
  getRouteApi: () => ({ useSearch: () => ({}), useNavigate: () => () => {} }),
}));
vi.mock("./EmailsInStatus", () => ({ EmailsInStatus: ({ status }: { status: string }) => <p>{status}</p> }));
vi.mock("./FailureGroups", () => ({ FailureGroups: () => null }));

const inDoubt = (undecided: number) => ({ undecided, counts: { UNKNOWN: 2 } }) as never;

test("what is opened first is chosen by totals that were read, and stays", async () => {
  const asked = vi.mocked(answer);
  asked.mockRejectedValueOnce(new Error("the connection is gone"));
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider env="test">
        <TroublePage />
      </MantineProvider>
    </QueryClientProvider>,
  );
  await screen.findByText("FAILED"); // without totals too, there is something to see
  asked.mockResolvedValueOnce(inDoubt(0));
  await act(() => queries.refetchQueries());
  await screen.findByText("UNKNOWN");
  asked.mockResolvedValueOnce(inDoubt(1));
  await act(() => queries.refetchQueries());
  expect(screen.queryByText("UNKNOWN")).not.toBeNull();
});
