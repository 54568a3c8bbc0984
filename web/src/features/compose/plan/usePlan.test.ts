// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, waitFor } from "@testing-library/react";
import { createElement, type ReactNode } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import { ApiProblem } from "@/api/problem";
import { type Draft, EMPTY } from "../draft/draft";
import { type Plan, plan } from "../queries";
import type { Recipients } from "../recipients/useRecipients";
import { usePlan } from "./usePlan";

vi.mock("../queries", async (original) => ({ ...(await original<object>()), plan: vi.fn() }));
const asked = vi.mocked(plan);

beforeEach(() => asked.mockReset());

const [first] = EMPTY.steps;
const written = (subject: string, body = "A text."): Draft => ({
  ...EMPTY,
  senderIds: [7],
  steps: [{ ...first, content: { ...first.content, subject, body } }],
});
const people = (listId: number): Recipients =>
  ({ count: 1, settled: true, identity: `${listId}`, named: { listId, columns: null } }) as Recipients;
const accepted = (emails: number) => ({ accepted: emails }) as Plan;

interface Page {
  draft: Draft;
  recipients: Recipients;
}

function page(initialProps: Page) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const wrapper = ({ children }: { children: ReactNode }) =>
    createElement(QueryClientProvider, { client }, children);
  return renderHook(
    ({ draft, recipients }: Page) => usePlan(draft, recipients, { leastLimit: 100, count: 1 }),
    { initialProps, wrapper },
  );
}

it("is of no other recipients while these are asked about", async () => {
  asked.mockResolvedValueOnce(accepted(30));
  const { result, rerender } = page({ draft: written("Hello"), recipients: people(1) });
  await waitFor(() => expect(result.current).toMatchObject({ data: { accepted: 30 }, isCurrent: true }));
  let answer: (plan: Plan) => void = () => undefined;
  asked.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
  rerender({ draft: written("Hello"), recipients: people(2) });
  expect(result.current.isCurrent).toBe(false);
  await waitFor(() => expect(asked).toHaveBeenCalledTimes(2));
  expect(result.current).toMatchObject({ data: undefined, isCurrent: false });
  act(() => answer(accepted(1)));
  await waitFor(() => expect(result.current).toMatchObject({ data: { accepted: 1 }, isCurrent: true }));
});

it("is asked for again once a text that was refused is another", async () => {
  asked.mockRejectedValueOnce(
    new ApiProblem(422, "Wrong", "Wrong", { subject: "is longer than 998 characters" }),
  );
  const { result, rerender } = page({ draft: written("x".repeat(1_000)), recipients: people(1) });
  await waitFor(() => expect(result.current.isError).toBe(true));
  asked.mockResolvedValueOnce(accepted(1));
  rerender({ draft: written("Short"), recipients: people(1) });
  await waitFor(() => expect(result.current).toMatchObject({ isError: false, isCurrent: true }));
  expect(asked.mock.calls.map(([body]) => "subject" in body && body.subject.length)).toEqual([1_000, 5]);
});

it("is not asked for again by each word of a text that it does not depend on", async () => {
  asked.mockResolvedValue(accepted(1));
  const { result, rerender } = page({ draft: written("Hello"), recipients: people(1) });
  await waitFor(() => expect(result.current.isCurrent).toBe(true));
  rerender({ draft: written("Hello you"), recipients: people(1) });
  expect(result.current).toMatchObject({ isCurrent: true, isExact: false });
  expect(asked).toHaveBeenCalledTimes(1);
  act(() => void result.current.refetch());
  await waitFor(() => expect(result.current).toMatchObject({ isCurrent: true, isExact: true }));
});

it.each([
  ["what a subject becomes", "Hi {{ name }}", "Good morning {{ name }}", ""],
  ["a field that has something to stand in for it", "Hi", "Hi", '{{ firm | default: "you" }}'],
])("is asked for again when it may be another by %s", async (_, before, after, text) => {
  asked.mockResolvedValueOnce(accepted(300)).mockResolvedValueOnce(accepted(297));
  const { result, rerender } = page({ draft: written(before), recipients: people(1) });
  await waitFor(() => expect(result.current.isExact).toBe(true));
  rerender({ draft: written(after, `A text. ${text}`), recipients: people(1) });
  expect(result.current.isCurrent).toBe(false);
  await waitFor(() => expect(result.current).toMatchObject({ data: { accepted: 297 }, isExact: true }));
});
