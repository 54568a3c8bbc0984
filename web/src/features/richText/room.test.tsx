// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { cleanup, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useRef, useState } from "react";
import { afterEach, expect, it, vi } from "vitest";
import { ChipField } from "./ChipField";
import { characters } from "./room";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function Field() {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("Hello");
  return (
    <ChipField input={input} label="Subject" most={10} value={text} onText={setText} error={undefined} />
  );
}

function field(): HTMLInputElement {
  render(<Field />, { wrapper: MantineProvider });
  return screen.getByLabelText("Subject");
}

it("takes nothing of what is pasted where it would be too long, and says how long", async () => {
  const user = userEvent.setup();
  const input = field();
  await user.click(input);
  await user.paste("x".repeat(5_000_000));
  expect(input.value).toBe("Hello");
  const said =
    "With what you put in, it would have 5,000,005 characters; 10 are the most. Nothing was put in.";
  expect(screen.getByText(said)).toBeDefined();
  await user.paste(", you");
  expect(input.value).toBe("Hello, you");
  expect(screen.queryByText(/would have/)).toBeNull();
});

it("has room for what takes the place of what is selected, counted as the API counts", async () => {
  const user = userEvent.setup();
  const input = field();
  input.setSelectionRange(0, 5);
  input.focus();
  await user.paste("🙂".repeat(10));
  expect(characters(input.value)).toBe(10);
  await user.paste("!");
  expect(characters(input.value)).toBe(10);
});

it("counts what is selected as it counts what takes its place", async () => {
  const user = userEvent.setup();
  const input = field();
  input.select();
  input.focus();
  await user.paste("🙂".repeat(10));
  input.select();
  await user.paste("x".repeat(11));
  expect(input.value).toBe("🙂".repeat(10));
  expect(screen.getByText(/it would have 11 characters; 10 are the most/)).toBeDefined();
});
