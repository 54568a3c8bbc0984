// @vitest-environment jsdom
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { interruption, type Live, watchEvents } from "./eventStream";

class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static opened: FakeEventSource[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(readonly url: string) {
    super();
    FakeEventSource.opened.push(this);
  }

  close() {
    this.readyState = FakeEventSource.CLOSED;
  }

  begin() {
    this.readyState = 1;
    this.onopen?.();
  }

  tell(name: string, data: object) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }));
  }

  refuse() {
    this.readyState = FakeEventSource.CLOSED;
    this.onerror?.();
  }
}

const latest = () => FakeEventSource.opened.at(-1) as FakeEventSource;
const asked = vi.fn<() => Promise<Response>>();
let hidden = false;
let stop: () => void;

function watch(feature: Live) {
  stop = watchEvents(new QueryClient(), [feature]);
}

function show(visible: boolean) {
  hidden = !visible;
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeEventSource.opened = [];
  hidden = false;
  vi.stubGlobal("EventSource", FakeEventSource);
  vi.stubGlobal("fetch", asked);
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
  asked.mockImplementation(
    async () => new Response("{}", { headers: { "content-type": "application/json" } }),
  );
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test("events go to the features that hear them", () => {
  const campaign = vi.fn();
  watch({ hear: { campaign } });
  latest().begin();
  latest().tell("campaign", { id: 3 });
  latest().tell("sender", { id: 7 });
  expect(campaign.mock.calls.map(([, event]) => event)).toEqual([{ id: 3 }]);
});

test("what follows is read once in a while, and each reading comes to its end before the next", async () => {
  let finish = () => {};
  const follow = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  watch({ follow });
  latest().begin();
  for (let each = 0; each < 40; each++) {
    latest().tell("campaign", { id: each });
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(follow).toHaveBeenCalledTimes(1); // it is still being read
  finish();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(follow).toHaveBeenCalledTimes(2); // what came meanwhile
  finish();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(follow).toHaveBeenCalledTimes(2); // nothing has come since
});

test("after a gap all is read anew, not at the beginning", async () => {
  const follow = vi.fn(async () => undefined);
  const begin = vi.fn();
  watch({ follow, begin });
  latest().begin();
  show(false);
  expect(latest().readyState).toBe(FakeEventSource.CLOSED);
  show(true);
  latest().begin();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(begin.mock.calls.map(([, again]) => again)).toEqual([false, true]);
  expect(follow).toHaveBeenCalledTimes(1);
});

test("a refused stream asks who is logged in before it tries again, and says that it is down after a while", async () => {
  watch({});
  latest().begin();
  latest().refuse();
  expect(interruption.get()).toBe(false);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(FakeEventSource.opened).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(interruption.get()).toBe(true);
  latest().begin();
  expect(interruption.get()).toBe(false);
});

test("a tab that is hidden or left tries no more", async () => {
  watch({});
  latest().begin();
  latest().refuse();
  stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(FakeEventSource.opened).toHaveLength(1);
});
