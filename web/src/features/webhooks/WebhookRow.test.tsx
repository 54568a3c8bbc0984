// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, fireEvent, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { confirm } from "@/ui/confirm";
import type { Webhook } from "./queries";
import { WebhookRow } from "./WebhookRow";

vi.mock("@tanstack/react-router", () => ({ useBlocker: () => undefined }));
vi.mock("@/ui/confirm", () => ({ confirm: vi.fn() }));
vi.mock("./commands", async (original) => ({
  ...(await original<object>()),
  useTestWebhook: (_: Webhook, done: () => void) => ({ run: done, pending: false }),
}));
vi.mock("./DeliveriesPanel", () => ({ DeliveriesPanel: () => <p>What it was told</p> }));

const WEBHOOK = { id: 1, url: "https://one.example/hook", description: "", events: [], enabled: true };

function row() {
  render(
    <QueryClientProvider client={new QueryClient()}>
      <MantineProvider env="test">
        <WebhookRow webhook={WEBHOOK as unknown as Webhook} reveal={() => {}} />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

const press = async (name: string) => act(async () => fireEvent.click(screen.getByRole("button", { name })));
const url = () => screen.queryByLabelText<HTMLInputElement>("URL");

test("a webhook that is being edited stays whatever else is looked at, and goes once that was confirmed", async () => {
  row();
  await press("Edit");
  fireEvent.change(url() as HTMLInputElement, { target: { value: "https://two.example/hook" } });
  for (const other of ["Send a test", "Log", "Log"]) {
    await press(other);
    expect(url()?.value).toBe("https://two.example/hook");
  }
  const asked = vi.mocked(confirm);
  asked.mockResolvedValueOnce(false);
  await press("Cancel");
  expect(asked).toHaveBeenCalledTimes(1);
  expect(url()?.value).toBe("https://two.example/hook");
  await new Promise((resolve) => setTimeout(resolve));
  asked.mockResolvedValueOnce(true);
  await press("Cancel");
  expect(url()).toBeNull();
  await press("Edit");
  await press("Cancel");
  expect(url()).toBeNull();
  expect(asked).toHaveBeenCalledTimes(2); // nothing was changed
});

test("a test opens the log", async () => {
  row();
  await press("Send a test");
  expect(screen.queryByText("What it was told")).not.toBeNull();
  await press("Log");
  expect(screen.queryByText("What it was told")).toBeNull();
});
