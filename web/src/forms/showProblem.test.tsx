// @vitest-environment jsdom
import { MantineProvider, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { render, screen } from "@testing-library/react";
import { userEvent } from "@testing-library/user-event";
import { expect, test } from "vitest";
import { ApiProblem } from "@/api/problem";
import { showProblem } from "./showProblem";

let left: string | null = null;

function Form({ error }: { error: unknown }) {
  const form = useForm({ mode: "uncontrolled", initialValues: { subject: "", address: "" } });
  return (
    <form
      onSubmit={form.onSubmit(() => {
        left = showProblem(form, error, { email: "address" });
      })}
    >
      <TextInput label="Subject" key={form.key("subject")} {...form.getInputProps("subject")} />
      <TextInput label="Address" key={form.key("address")} {...form.getInputProps("address")} />
      <button type="submit">Send</button>
    </form>
  );
}

async function send(error: unknown) {
  left = null;
  render(
    <MantineProvider>
      <Form error={error} />
    </MantineProvider>,
  );
  await userEvent.click(screen.getByRole("button"));
}

test("each error stands beside its field, and the first on the page has the focus", async () => {
  await send(new ApiProblem(422, "Unprocessable", "x", { email: "is no address", subject: "is missing" }));
  expect(screen.getByText("Is no address.")).toBeDefined();
  expect(screen.getByText("Is missing.")).toBeDefined();
  expect(document.activeElement).toBe(screen.getByLabelText("Subject"));
  expect(left).toBeNull();
  document.body.replaceChildren();
});

test("what belongs to no field of the form is left for the top", async () => {
  await send(new ApiProblem(422, "Unprocessable", "x", { port: "is no port", subject: "is missing" }));
  expect(screen.getByText("Is missing.")).toBeDefined();
  expect(left).toBe("Port: is no port.");
  document.body.replaceChildren();
});

test("a failure without fields is its detail", async () => {
  await send(new ApiProblem(409, "Conflict", "anna@example.com has an account already"));
  expect(left).toBe("Anna@example.com has an account already.");
});
