// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { CorrectDialog } from "./CorrectDialog";

vi.mock("@tanstack/react-router", async (original) => ({
  ...(await original<object>()),
  useBlocker: () => undefined,
}));

function Page({ env }: { env?: "test" }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <QueryClientProvider client={new QueryClient()}>
      <MantineProvider {...{ env }}>
        <ModalsProvider>
          <button type="button" onClick={() => setOpen(true)}>
            Correct
          </button>
          {isOpen && (
            <CorrectDialog emails={[{ id: 1, recipient: "ada@example.com" }]} close={() => setOpen(false)} />
          )}
        </ModalsProvider>
      </MantineProvider>
    </QueryClientProvider>
  );
}

test("the focus goes back to where the dialog was opened", async () => {
  render(<Page env="test" />);
  const opener = screen.getByRole("button", { name: "Correct" });
  await userEvent.click(opener);
  await userEvent.click(screen.getByLabelText("ada@example.com"));
  await userEvent.click(screen.getByRole("button", { name: "Keep them as they are" }));
  expect(screen.queryByLabelText("ada@example.com")).toBeNull();
  await waitFor(() => expect(document.activeElement).toBe(opener));
});

test("the focus goes back to there also where the question over it fades after it", async () => {
  render(<Page />);
  const opener = screen.getByRole("button", { name: "Correct" });
  await userEvent.click(opener);
  await userEvent.type(await screen.findByLabelText("ada@example.com"), "x");
  await userEvent.keyboard("{Escape}");
  const leave = await screen.findByRole("button", { name: "Leave" });
  await waitFor(() => expect(leave.closest("[role=dialog]")?.contains(document.activeElement)).toBe(true));
  await userEvent.click(leave);
  await waitFor(() => expect(document.activeElement).toBe(opener));
  expect(screen.queryByLabelText("ada@example.com")).toBeNull();
});
