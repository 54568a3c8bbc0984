// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { ApiProblem } from "@/api/problem";
import { RecipientPage } from "./RecipientPage";

const { place } = vi.hoisted(() => ({ place: { search: {} } }));
vi.mock("@/api/client", () => ({
  api: { GET: (path: string) => path },
  answer: (path: string) =>
    path === "/api/recipients"
      ? Promise.reject(new ApiProblem(422, "Unprocessable", "x", { email: "is no address" }))
      : new Promise(() => {}),
  addressOf: String,
}));
vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<object>()),
  getRouteApi: () => ({
    useSearch: () => place.search,
    useNavigate:
      () =>
      ({ search }: { search: object }) => {
        place.search = search;
      },
  }),
}));

test("who types what is refused goes on typing", async () => {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const page = () => (
    <QueryClientProvider client={queries}>
      <MantineProvider env="test">
        <RecipientPage />
      </MantineProvider>
    </QueryClientProvider>
  );
  const { rerender } = render(page());
  await userEvent.type(screen.getByRole("textbox"), "ada..b@example.com{Enter}");
  expect(place.search).toEqual({ email: "ada..b@example.com" });
  rerender(page());
  await screen.findByRole("alert");
  expect(document.activeElement).toBe(screen.getByRole("textbox"));
});
