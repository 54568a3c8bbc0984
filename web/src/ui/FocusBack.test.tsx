// @vitest-environment jsdom
import { MantineProvider, Menu } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { render, screen, waitFor } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { confirm } from "./confirm";
import { FocusBack } from "./FocusBack";

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

test.each(["nothing", "a button that is disabled since"])(
  "the focus goes back past the dialog before where %s had it as the question was asked",
  (had) => {
    const page = (dialogs: string[], isDisabled = false) => (
      <>
        <button type="button">Opener</button>
        <button type="button" disabled={isDisabled}>
          Save
        </button>
        <input />
        {dialogs.map((dialog) => (
          <FocusBack key={dialog} />
        ))}
      </>
    );
    const { rerender } = render(page([]));
    const opener = screen.getByRole("button", { name: "Opener" });
    opener.focus();
    rerender(page(["dialog"]));
    if (had === "nothing") opener.blur();
    else screen.getByRole("button", { name: "Save" }).focus();
    rerender(page(["dialog", "question"]));
    const inQuestion = screen.getByRole("textbox");
    inQuestion.focus();
    rerender(page(["question"], true));
    inQuestion.blur();
    rerender(page([], true));
    expect(document.activeElement).toBe(opener);
  },
);
