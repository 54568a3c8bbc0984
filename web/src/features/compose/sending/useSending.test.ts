// @vitest-environment jsdom
import { notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import { createElement, type ReactNode } from "react";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { ApiProblem, unreachable } from "@/api/problem";
import { schedule } from "../commands";
import { type Change, changed } from "../draft/changes";
import { type Draft, EMPTY } from "../draft/draft";
import type { Plan } from "../queries";
import type { Recipients } from "../recipients/useRecipients";
import { tellOthers } from "./tellOthers";
import { useSending } from "./useSending";

const navigate = vi.fn();
vi.mock("@tanstack/react-router", () => ({ useNavigate: () => navigate }));
vi.mock("@mantine/notifications", () => ({ notifications: { show: vi.fn() } }));
vi.mock("../commands", () => ({ schedule: vi.fn() }));
vi.mock("./tellOthers", () => ({ tellOthers: vi.fn() }));

const [first] = EMPTY.steps;
const WRITTEN: Draft = {
  ...EMPTY,
  senderIds: [7],
  steps: [{ ...first, content: { ...first.content, subject: "Hello", body: "A text." } }],
};
const ADA = {
  count: 1,
  settled: true,
  named: { listId: 5, columns: null },
} as unknown as Recipients;
const SCHEDULED = { campaign: { id: 3 }, accepted: 1 };

const PLANNED = {
  ...{ data: { accepted: 1 } as Plan, error: null, isCurrent: true, isExact: true },
  ...{ isFetching: false, dataUpdatedAt: Date.now(), refetch: vi.fn() },
};

/** A page with a draft on it, and what it keeps. */
function page(recipients = ADA, draft = WRITTEN, plan: Parameters<typeof useSending>[0]["plan"] = PLANNED) {
  const kept = { draft, sent: null as Draft | null, isDone: false, isOurs: true };
  const changeNow = (...changes: Change[]) => {
    kept.draft = changes.reduce(changed, kept.draft);
    return kept.isOurs;
  };
  const done = (sent: Draft) => {
    kept.sent = sent;
    kept.isDone = true;
    return kept.isOurs;
  };
  const client = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) =>
    createElement(QueryClientProvider, { client }, children);
  const { result, rerender, unmount } = renderHook(
    () =>
      useSending({
        draft: kept.draft,
        recipients,
        mailboxes: { leastLimit: 100, count: 1 },
        plan,
        changeNow,
        done,
      }),
    { wrapper },
  );
  const send = async () => {
    await act(() => result.current.send());
    rerender();
  };
  const ask = () => act(() => result.current.ask());
  return { kept, result, ask, send, rerender, unmount };
}

const keys = () => vi.mocked(schedule).mock.calls.map(([, key]) => key);

beforeEach(() => {
  vi.mocked(schedule).mockReset();
  vi.mocked(tellOthers).mockReset();
  navigate.mockReset();
});

describe("scheduling", () => {
  it("sends nothing that another tab has sent or changed since", async () => {
    const { kept, send, result } = page();
    kept.isOurs = false;
    await send();
    expect(schedule).not.toHaveBeenCalled();
    expect(result.current.pending).toBe(false);
  });

  it("forgets the draft and shows the campaign", async () => {
    vi.mocked(schedule).mockResolvedValue(SCHEDULED as never);
    const { kept, send } = page();
    await send();
    expect(kept.isDone).toBe(true);
    expect(navigate).toHaveBeenCalledWith({ to: "/campaigns/$id", params: { id: 3 } });
  });

  it("forgets the draft that was sent, and stays where another one stands by now", async () => {
    const { kept, result, unmount } = page();
    vi.mocked(schedule).mockImplementation(async () => {
      kept.draft = EMPTY;
      kept.isOurs = false;
      unmount();
      return SCHEDULED as never;
    });
    await act(() => result.current.send());
    expect(kept.sent).toMatchObject({ ...WRITTEN, attempt: { key: expect.any(String) } });
    expect(navigate).not.toHaveBeenCalled();
  });

  it("tells of a failure in a corner where the draft is shown no more", async () => {
    const { result, unmount } = page();
    vi.mocked(schedule).mockImplementation(async () => {
      unmount();
      throw new ApiProblem(409, "Conflict", "Not now");
    });
    await act(() => result.current.send());
    expect(notifications.show).toHaveBeenCalledWith(
      expect.objectContaining({ title: "Scheduling “Hello” failed" }),
    );
  });

  it("asks for the same under the same key after an answer that got lost, also on a page that was reloaded", async () => {
    vi.mocked(schedule)
      .mockRejectedValueOnce(unreachable())
      .mockResolvedValueOnce(SCHEDULED as never);
    const before = page();
    await before.send();
    expect(before.result.current.failure?.text).toContain("unchanged, it is scheduled only once");
    expect(before.kept).toMatchObject({ isDone: false, draft: { senderIds: [7] } });
    await page(ADA, before.kept.draft).send();
    const [key, again] = keys();
    expect(again).toBe(key);
  });

  it("asks for something else under another key", async () => {
    vi.mocked(schedule).mockRejectedValue(unreachable());
    const { kept, send, rerender } = page();
    await send();
    kept.draft = changed(kept.draft, { kind: "name", name: "Another" });
    rerender();
    await send();
    expect(new Set(keys()).size).toBe(2);
  });

  it("takes a new key when the old one stands for something else", async () => {
    vi.mocked(schedule).mockRejectedValue(new ApiProblem(409, "Conflict", "used"));
    const { kept, send } = page();
    await send();
    expect(kept.draft.attempt).toBeNull();
  });

  it("happens once, however often it is asked for", async () => {
    let answer = (_: unknown) => {};
    vi.mocked(schedule).mockReturnValue(new Promise((resolve) => (answer = resolve)) as never);
    const { result } = page();
    await act(async () => {
      const both = [result.current.send(), result.current.send()];
      answer(SCHEDULED);
      await Promise.all(both);
    });
    expect(keys().length).toBe(1);
  });

  it("is not to be confirmed while something is missing", () => {
    const { ask, result } = page({ ...ADA, count: 0 }, EMPTY);
    ask();
    expect(Object.keys(result.current.failure?.errors ?? {})).toContain("audience");
    const unsettled = page({ ...ADA, settled: false });
    unsettled.ask();
    expect(unsettled.result.current.failure?.errors.audience).toBeDefined();
    for (const { asked } of [result.current, unsettled.result.current]) expect(asked).toBe(false);
  });

  it("is not to be confirmed while there is no plan of it", () => {
    const error = new ApiProblem(422, "Unprocessable", "x", { subject: "is long" });
    const { ask, result } = page(ADA, WRITTEN, { ...PLANNED, isCurrent: false, error });
    ask();
    expect(result.current).toMatchObject({
      asked: false,
      failure: { errors: { "steps[0].content.subject": "Is long." } },
    });
  });

  it("is confirmed first, with a plan that is not old", async () => {
    vi.mocked(schedule).mockResolvedValue(SCHEDULED as never);
    const plan = { ...PLANNED, dataUpdatedAt: Date.now() - 60_000, refetch: vi.fn() };
    const { ask, result, send } = page(ADA, WRITTEN, plan);
    ask();
    expect(result.current.asked).toBe(true);
    expect(plan.refetch).toHaveBeenCalledOnce();
    expect(result.current.plan).toBeUndefined();
    expect(schedule).not.toHaveBeenCalled();
    await send();
    expect(result.current.asked).toBe(false);
    expect(schedule).toHaveBeenCalledOnce();
  });

  it("is confirmed by the plan of the very text that is sent", () => {
    const plan = { ...PLANNED, isExact: false, refetch: vi.fn() };
    const { ask, result, rerender } = page(ADA, WRITTEN, plan);
    ask();
    expect(result.current).toMatchObject({ asked: true, plan: undefined });
    expect(plan.refetch).toHaveBeenCalledOnce();
    plan.isExact = true;
    rerender();
    expect(result.current.plan).toEqual({ accepted: 1 });
  });

  it.each([
    [1, 0],
    [2, 1],
  ])("tells when %i are scheduled and 1 was confirmed", async (accepted, times) => {
    const scheduled = { ...SCHEDULED, accepted };
    vi.mocked(schedule).mockResolvedValue(scheduled as never);
    const { ask, send } = page();
    ask();
    await send();
    expect(tellOthers).toHaveBeenCalledTimes(times);
    if (times) expect(tellOthers).toHaveBeenCalledWith({ accepted: 1 }, scheduled, ADA);
  });

  it("says which part of the draft was refused", async () => {
    vi.mocked(schedule).mockRejectedValue(new ApiProblem(422, "Unprocessable", "x", { subject: "is long" }));
    const { send, result } = page();
    await send();
    expect(result.current.failure).toMatchObject({
      text: null,
      errors: { "steps[0].content.subject": "Is long." },
    });
  });
});
