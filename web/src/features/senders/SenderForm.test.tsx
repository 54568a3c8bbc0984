// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { fireEvent, render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { keys } from "@/api/keys";
import { SenderForm } from "./SenderForm";

vi.mock("@/forms/useUnsaved", () => ({ useUnsaved: () => undefined }));

/** Nothing is found for these addresses. */
function form(...addresses: string[]) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  queries.setQueryData(keys.mailProviders(), []);
  queries.setQueryData(keys.ways, {});
  for (const email of addresses)
    queries.setQueryData(keys.discovered(email), { email, smtp: null, imap: null, confirmed: false });
  render(
    <QueryClientProvider client={queries}>
      <MantineProvider env="test">
        <SenderForm fallback="The sandbox" done={() => {}} cancel={() => {}} />
      </MantineProvider>
    </QueryClientProvider>,
  );
}

const field = (label: string) => screen.getByLabelText<HTMLInputElement>(label, { selector: "input" });

async function write(label: string, text: string) {
  await userEvent.clear(field(label));
  await userEvent.paste(text);
}

test("the login name is the address once it is left empty, and keeps the focus until then", async () => {
  form("ann@example.com");
  await write("Address", "ann@example.com");
  await userEvent.click(field("Login name"));
  expect(document.activeElement).toBe(field("Login name"));
  expect(field("Login name").value).toBe("");
  await userEvent.tab();
  expect(field("Login name").value).toBe("ann@example.com");
});

test("a login name that is left empty stays so while another window is looked at", async () => {
  form("ann@example.com");
  await write("Address", "ann@example.com");
  await userEvent.click(field("Login name"));
  const login = field("Login name");
  fireEvent.blur(login); // as a window tells it that is left: what has the focus there keeps it
  expect(field("Login name")).toBe(login);
  expect(login.value).toBe("");
});

test("one's own login name stays, and the one that was filled in follows the address", async () => {
  form("ann@exmaple.com", "ann@example.com", "bob@example.com");
  const give = async (address: string) => {
    await write("Address", address);
    await userEvent.tab();
  };
  await give("ann@exmaple.com");
  await give("ann@example.com");
  expect(field("Login name").value).toBe("ann@example.com");
  await write("Login name", "ann");
  await give("bob@example.com");
  expect(field("Login name").value).toBe("ann");
});
