// @vitest-environment jsdom
import { MantineProvider, Menu } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { confirm } from "./confirm";

test("the focus goes back to a menu's button from the question that its item asks, which goes at once", async () => {
  render(
    <MantineProvider env="test">
      <ModalsProvider>
        <Menu>
          <Menu.Target>
            <button type="button">More</button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => void confirm({ title: "Sure?", children: "It goes.", confirm: "Go" })}>
              Remove
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </ModalsProvider>
    </MantineProvider>,
  );
  const button = screen.getByRole("button", { name: "More" });
  await userEvent.click(button);
  (await screen.findByRole("menuitem", { name: "Remove" })).focus();
  await userEvent.keyboard("{Enter}");
  const go = await screen.findByRole("button", { name: "Go" });
  await waitFor(() => expect(go.closest("[role=dialog]")?.contains(document.activeElement)).toBe(true));
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(document.activeElement).toBe(button));
});
