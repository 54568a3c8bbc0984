// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { commandsCache } from "@/forms/useCommand";
import { AllowMany } from "./AllowMany";

const ANSWERS: Readonly<Record<string, object>> = {
  "": { items: [{ id: 2, name: "Newer" }], nextCursor: "1" },
  "1": { items: [{ id: 1, name: "Older" }], nextCursor: null },
};

test("to load older campaigns chooses none, and what is wrong with the one that is chosen stands beside it", async () => {
  const sent: string[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const url = new URL(request.url);
    if (url.pathname === "/api/campaigns")
      return Response.json(ANSWERS[url.searchParams.get("cursor") ?? ""]);
    sent.push(await request.text());
    const problem = {
      title: "Unprocessable",
      status: 422,
      detail: "",
      errors: [{ field: "campaignId", detail: "is of long ago" }],
    };
    return Response.json(problem, { status: 422, headers: { "content-type": "application/problem+json" } });
  });
  const queries: QueryClient = new QueryClient({
    defaultOptions: { queries: { retry: false } },
    mutationCache: commandsCache(() => queries),
  });
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider env="test">
        <AllowMany reason="BOUNCED" />
      </MantineProvider>
    </QueryClientProvider>,
  );
  await userEvent.click(screen.getByRole("button", { name: "Allow many again" }));
  const campaign = await screen.findByLabelText<HTMLInputElement>("Of the campaign", { selector: "input" });
  await userEvent.click(campaign);
  await userEvent.click(await screen.findByText("Newer (2)"));
  expect(campaign.value).toBe("Newer (2)");
  await userEvent.click(campaign);
  await userEvent.click(await screen.findByText("Load older campaigns…"));
  await screen.findByText("Older (1)");
  expect(campaign.value).toBe("Newer (2)");
  await userEvent.type(screen.getByLabelText("Why"), "a relay refused all");
  await userEvent.click(screen.getByRole("button", { name: "Allow again" }));
  await screen.findByText("Is of long ago.");
  await waitFor(() => expect(campaign.getAttribute("aria-invalid")).toBe("true"));
  expect(document.activeElement).toBe(campaign);
  expect(JSON.parse(sent[0] ?? "")).toMatchObject({ campaignId: 2 });
});
