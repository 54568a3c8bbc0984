// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { keys } from "@/api/keys";
import { LabelField } from "./LabelField";

function field() {
  const given = vi.fn();
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Number.POSITIVE_INFINITY } } });
  queries.setQueryData(keys.responses.labels(), []);
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider env="test">
        <LabelField value={null} onChange={given} />
      </MantineProvider>
    </QueryClientProvider>,
  );
  return { given, input: screen.getByLabelText("Label", { selector: "input" }) };
}

test("the one that is marked in the list is taken by Enter, and not what was typed to find it", async () => {
  const { given, input } = field();
  await userEvent.type(input, "inter{ArrowDown}{Enter}");
  expect(given.mock.calls).toEqual([["Interested"]]);
  document.body.replaceChildren();
});

test("one's own is taken by Enter", async () => {
  const { given, input } = field();
  await userEvent.type(input, " roof {Enter}");
  expect(given.mock.calls).toEqual([["roof"]]);
  document.body.replaceChildren();
});
