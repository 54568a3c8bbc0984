// @vitest-environment jsdom
import { notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, renderHook } from "@testing-library/react";
import { createElement, type ReactNode } from "react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { session, type User } from "@/api/session";
import { useBegun } from "./begun";
import { EMPTY } from "./draft";
import type { KeptDraft } from "./onServer";
import { useDraft } from "./useDraft";
import { type Keeping, useKeptDraft } from "./useKeptDraft";

vi.mock("@mantine/notifications", () => ({ notifications: { show: vi.fn() } }));

let isWhole = true;
const settle = async () => isWhole;
const ANNA = { id: 1, workspaceId: 4 } as User;
const OWNER = "1.4";

interface Row {
  version: number;
  content: Record<string, unknown>;
}

/** The API of drafts, as far as it has versions; its answers wait and get lost as a test says. */
class Server {
  readonly rows = new Map<number, Row>();
  readonly asked: string[] = [];
  /** Nothing reaches it. */
  isDeaf = false;
  private readonly held = new Map<string, Promise<void>>();
  private readonly lost = new Set<string>();

  /** Somebody else saves it. */
  save(id: number, name: string): void {
    this.rows.set(id, { version: (this.rows.get(id)?.version ?? 0) + 1, content: contentOf(name) });
  }

  /** What is asked for with `method` next is done, and answered once what this returns is called. */
  hold(method: string): () => void {
    let release = () => {};
    this.held.set(
      method,
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    return release;
  }

  /** What is asked for with `method` next is done, and not answered. */
  lose(method: string): void {
    this.lost.add(method);
  }

  fetch = async (request: Request): Promise<Response> => {
    if (this.isDeaf) return new Promise(() => {});
    const { pathname, searchParams } = new URL(request.url);
    const [, id] = /^\/api\/drafts\/(\d+)$/.exec(pathname) ?? [];
    this.asked.push(`${request.method} ${id ?? ""}`.trim());
    const body = ["PUT", "POST"].includes(request.method) ? await request.json() : null;
    const version =
      body?.version ?? (searchParams.has("version") ? Number(searchParams.get("version")) : null);
    const answer = this.answer(request.method, id ? Number(id) : null, version, body?.content);
    const held = this.held.get(request.method);
    this.held.delete(request.method);
    await held;
    if (this.lost.delete(request.method)) throw new TypeError("the connection is gone");
    return answer;
  };

  private answer(
    method: string,
    id: number | null,
    version: number | null,
    content: Row["content"],
  ): Response {
    if (id === null) {
      const made = Math.max(0, ...this.rows.keys()) + 1;
      this.rows.set(made, { version: 1, content });
      return Response.json(this.kept(made), { status: 201 });
    }
    const row = this.rows.get(id);
    if (!row) return problem(404, "not_found");
    if (version !== null && version !== row.version) return problem(409, "draft_changed");
    if (method === "PUT") this.rows.set(id, { version: row.version + 1, content });
    if (method !== "DELETE") return Response.json(this.kept(id));
    this.rows.delete(id);
    return new Response(null, { status: 204 });
  }

  kept(id: number): KeptDraft {
    const row = this.rows.get(id);
    if (!row) throw new Error(`no draft ${id}`);
    const at = "2030-01-01T00:00:00Z";
    return { id, ...row, name: `${row.content.name}`, createdAt: at, changedAt: at, changedBy: null };
  }

  name(id: number): [unknown, number] | null {
    const row = this.rows.get(id);
    return row ? [row.content.name, row.version] : null;
  }
}

const contentOf = (name: string): Row["content"] =>
  JSON.parse(JSON.stringify({ ...EMPTY, name, keptAs: undefined }));

function problem(status: number, type: string): Response {
  const headers = { "content-type": "application/problem+json" };
  const body = { type: `urn:reachinbox:problem:${type}`, title: type, detail: type, status };
  return new Response(JSON.stringify(body), { status, headers });
}

let server: Server;

beforeEach(() => {
  localStorage.clear();
  isWhole = true;
  session.begin(ANNA);
  vi.useFakeTimers();
  server = new Server();
  vi.stubGlobal("fetch", server.fetch);
  vi.mocked(notifications.show).mockReset();
});

afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

interface Page {
  readonly name: string;
  readonly keptAs: number | null;
  readonly keeping: Keeping;
  write: (name: string) => void;
  open: (kept: KeptDraft) => void;
  discard: () => void;
  saveNow: () => Promise<boolean>;
  readonly attempt: string | null;
  tried: (key: string | null) => void;
  saveAnew: () => Promise<KeptDraft>;
  /** What happens `meanwhile` does before there is an answer. */
  schedule: (meanwhile?: () => void) => Promise<void>;
  unmount: () => void;
  /** The page anew: what this one was about to ask is never asked. */
  reload: () => Promise<Page>;
}

/** A page with the composer's draft on it. */
function page(): Page {
  const client = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) =>
    createElement(QueryClientProvider, { client }, children);
  const { result, unmount } = renderHook(
    () => {
      const { draft, change, changeNow, now, open, discard } = useDraft(OWNER);
      const kept = useKeptDraft({
        owner: OWNER,
        draft,
        now,
        changeNow,
        settle,
        resting: false,
        ...useBegun(OWNER),
      });
      return { draft, change, now, open, discard, kept };
    },
    { wrapper },
  );
  return {
    unmount,
    reload: async () => {
      server.isDeaf = true;
      unmount();
      await later(0);
      server.isDeaf = false;
      return page();
    },
    get name() {
      return result.current.draft.name;
    },
    get keptAs() {
      return result.current.kept.keptAs;
    },
    get keeping() {
      return result.current.kept.keeping;
    },
    write: (name: string) => act(() => result.current.change({ kind: "name", name })),
    open: (kept: KeptDraft) =>
      act(() => {
        result.current.open(result.current.kept.opened(kept), "restored");
      }),
    discard: () => act(() => void result.current.discard()),
    saveNow: async () => (await result.current.kept.saveNow()).isSaved,
    tried: (key: string | null) =>
      act(() =>
        result.current.change({ kind: "attempt", attempt: key === null ? null : { key, print: key } }),
      ),
    get attempt() {
      return result.current.draft.attempt?.key ?? null;
    },
    saveAnew: () => result.current.kept.saveAnew(),
    schedule: async (meanwhile = () => {}) => {
      const { draft, kept, discard } = result.current;
      meanwhile();
      await act(async () => {
        void kept.scheduled(draft);
        discard();
        await vi.advanceTimersByTimeAsync(0);
      });
    },
  };
}

/** The other tabs of this browser hear that the draft is another. */
const hear = () =>
  act(() => void dispatchEvent(new StorageEvent("storage", { key: `reachinbox.draft.${OWNER}` })));

const later = (ms = 2_000): Promise<unknown> => act(() => vi.advanceTimersByTimeAsync(ms));

/** A page on which draft 1 is open, as version 1. */
function opened() {
  server.save(1, "Spring");
  const here = page();
  here.open(server.kept(1));
  return here;
}

it("saves itself a moment after each change", async () => {
  const here = opened();
  here.write("Summer");
  await later();
  expect(server.name(1)).toEqual(["Summer", 2]);
  here.write("Autumn");
  await later();
  expect(server.name(1)).toEqual(["Autumn", 3]);
  expect(here.keeping).toBe("saved");
});

it("is saved at once when the page is left", async () => {
  const here = opened();
  here.write("Summer");
  here.unmount();
  await later(0);
  expect(server.name(1)).toEqual(["Summer", 2]);
});

it("is the same draft still after another workspace was entered while it was looked at", async () => {
  const here = await opened().reload();
  here.write("Summer");
  const answer = server.hold("GET");
  await later();
  session.begin({ ...ANNA, workspaceId: 5 });
  server.rows.delete(1); // as the API says of drafts of other workspaces
  answer();
  await later();
  expect(here.keptAs).toBe(1);
  expect(server.asked.filter((each) => each.startsWith("PUT"))).toEqual([]);
});

it("that somebody else saved meanwhile is not written over, also after a reload", async () => {
  const here = opened();
  server.save(1, "Theirs");
  here.write("Mine");
  await later();
  expect(here.keeping).toBe("changed");
  const again = await here.reload();
  await later();
  expect(again.name).toBe("Mine");
  expect(again.keeping).toBe("changed");
  expect(server.name(1)).toEqual(["Theirs", 2]);
});

it("goes on after an answer that got lost", async () => {
  const here = opened();
  server.lose("PUT");
  here.write("Summer");
  await later();
  expect(here.keeping).toBe("unsaved");
  here.write("Autumn");
  await later();
  expect(here.keeping).toBe("saved");
  expect(server.name(1)).toEqual(["Autumn", 3]);
});

it("goes on after an answer that got lost, also after a reload", async () => {
  const here = opened();
  server.lose("PUT");
  here.write("Summer");
  await later();
  here.write("Autumn");
  const again = await here.reload();
  await later();
  expect(again.keeping).toBe("saved");
  expect(server.name(1)).toEqual(["Autumn", 3]);
});

it("that somebody else saved after an answer that got lost is theirs", async () => {
  const here = opened();
  server.lose("PUT");
  here.write("Summer");
  await later();
  server.save(1, "Theirs");
  here.write("Autumn");
  await later();
  expect(here.keeping).toBe("changed");
  expect(server.name(1)).toEqual(["Theirs", 3]);
});

it("is saved once at a time, and what was written meanwhile after it", async () => {
  const here = opened();
  const answer = server.hold("PUT");
  here.write("Summer");
  await later();
  here.write("Autumn");
  await later();
  expect(server.asked.filter((each) => each === "PUT 1")).toHaveLength(1);
  answer();
  await later(0);
  expect(here.keeping).toBe("saved");
  expect(server.name(1)).toEqual(["Autumn", 3]);
});

it("is saved by two tabs at once, and both go on", async () => {
  const here = opened();
  const there = page();
  there.write("Summer");
  await later(1_000);
  hear();
  await later();
  expect([here.keeping, there.keeping]).toEqual(["saved", "saved"]);
  expect(server.name(1)?.[0]).toBe("Summer");
  here.write("Autumn");
  await later();
  expect([here.keeping, server.name(1)?.[0]]).toEqual(["saved", "Autumn"]);
});

it("is not saved into the one that another tab has opened", async () => {
  const here = opened();
  server.save(2, "Another");
  here.write("Summer");
  await later(1_000);
  const there = page();
  there.open(server.kept(2));
  await later(); // the first tab hears of it only now
  expect(server.name(2)).toEqual(["Another", 1]);
  expect(server.name(1)).toEqual(["Summer", 2]);
  hear();
  expect([here.name, here.keptAs]).toEqual(["Another", 2]);
  there.write("Another one");
  await later();
  expect(server.name(2)).toEqual(["Another one", 2]);
  expect(there.keeping).toBe("saved");
});

it("is not saved into the one that another tab has opened when it was written on after that", async () => {
  const here = opened();
  server.save(2, "Another");
  const there = page();
  there.open(server.kept(2));
  here.write("Summer"); // and only then it hears
  hear();
  await later();
  hear();
  await later();
  expect(server.name(2)).toEqual(["Another", 1]);
  expect(server.name(1)).toEqual(["Summer", 2]);
});

it.each(["GET", "PUT"])("that was left for another one during a %s is not mixed with it", async (method) => {
  const first = opened();
  first.write("Summer");
  server.save(2, "Another");
  const here = await first.reload(); // which looks at what is there first
  const answer = server.hold(method);
  await later();
  here.open(server.kept(2));
  answer();
  await later();
  expect([here.name, here.keptAs, here.keeping]).toEqual(["Another", 2, "saved"]);
  here.write("Another one");
  await later();
  expect(server.name(1)?.[0]).toBe(method === "GET" ? "Spring" : "Summer");
  expect(server.name(2)).toEqual(["Another one", 2]);
});

it("that was removed leaves the one that was opened since as it is", async () => {
  const here = opened();
  server.save(2, "Another");
  server.rows.delete(1);
  const answer = server.hold("PUT");
  here.write("Summer");
  await later();
  here.open(server.kept(2));
  answer();
  await later();
  expect(here.keptAs).toBe(2);
});

it("that was removed stays as one of this browser alone", async () => {
  const here = opened();
  server.rows.delete(1);
  here.write("Summer");
  await later();
  expect([here.name, here.keptAs]).toEqual(["Summer", null]);
});

it("is the workspace's once it is saved as one", async () => {
  const here = page();
  here.write("Spring");
  await act(() => here.saveAnew());
  expect(here.keptAs).toBe(1);
  here.write("Summer");
  await later();
  expect(server.name(1)).toEqual(["Summer", 2]);
});

it("that was discarded while it was saved as one is not emptied there", async () => {
  const here = page();
  here.write("Spring");
  const answer = server.hold("POST");
  const saved = here.saveAnew();
  await later(0);
  here.discard();
  here.write("A new one");
  answer();
  await act(() => saved);
  await later();
  expect(server.name(1)).toEqual(["Spring", 1]);
  expect([here.name, here.keptAs]).toEqual(["A new one", null]);
});

it("is removed when it is scheduled", async () => {
  const here = opened();
  here.write("Summer");
  await later();
  here.write("Summer!"); // which is not saved any more
  await here.schedule();
  expect(server.name(1)).toBeNull();
  expect(notifications.show).not.toHaveBeenCalled();
});

it("is removed when it is scheduled while it is being saved, or after an answer that got lost", async () => {
  const here = opened();
  const answer = server.hold("PUT");
  here.write("Summer");
  await later();
  await here.schedule();
  answer();
  await later(0);
  expect(server.name(1)).toBeNull();

  server.save(2, "Spring");
  here.open(server.kept(2));
  server.lose("PUT");
  here.write("Summer");
  await later();
  here.write("Autumn");
  await here.schedule();
  expect(server.name(2)).toBeNull();
  expect(notifications.show).not.toHaveBeenCalled();
});

it("stays when it is scheduled although somebody else went on with it, who is told of no loss", async () => {
  const here = opened();
  server.save(1, "Theirs");
  await here.schedule();
  expect(server.name(1)).toEqual(["Theirs", 2]);
  expect(notifications.show).toHaveBeenCalledOnce();
});

it("stays when somebody else saves it in the moment in which it is scheduled", async () => {
  const here = opened();
  const answer = server.hold("GET");
  await here.schedule();
  server.save(1, "Theirs");
  answer();
  await later(0);
  expect(server.name(1)).toEqual(["Theirs", 2]);
  expect(notifications.show).toHaveBeenCalledOnce();
});

it("is removed as it is scheduled although another one was opened meanwhile, which stays", async () => {
  const here = opened();
  server.save(2, "Another");
  here.write("Summer");
  await later();
  await here.schedule(() => here.open(server.kept(2)));
  expect(server.name(1)).toBeNull();
  expect(server.name(2)).toEqual(["Another", 1]);
  expect([here.name, here.keptAs]).toEqual(["Another", 2]);
  expect(notifications.show).not.toHaveBeenCalled();
});

it("is tried again as what it was tried as, although another one was open since", async () => {
  const here = opened();
  server.save(2, "Another");
  here.tried("k");
  here.open(server.kept(2));
  expect(here.attempt).toBeNull();
  here.open(server.kept(1));
  expect(here.attempt).toBe("k");
  const again = await here.reload();
  again.open(server.kept(2));
  again.open(server.kept(1));
  expect(again.attempt).toBe("k");
  again.tried(null);
  again.open(server.kept(2));
  again.open(server.kept(1));
  expect(again.attempt).toBeNull();
});

it("says whether all of it is saved, before another one takes its place", async () => {
  const here = opened();
  expect(await act(() => here.saveNow())).toBe(true);
  here.write("Summer");
  expect(await act(() => here.saveNow())).toBe(true);
  expect(server.name(1)).toEqual(["Summer", 2]);
  server.lose("PUT");
  here.write("Autumn");
  expect(await act(() => here.saveNow())).toBe(false);
  expect(await act(() => here.saveNow())).toBe(true);
  isWhole = false; // recipients are typed that could not be uploaded
  expect(await act(() => here.saveNow())).toBe(false);
  expect(here.keeping).toBe("unsaved");
  isWhole = true;
  server.save(1, "Theirs");
  here.write("Winter");
  expect(await act(() => here.saveNow())).toBe(false);
  expect(here.keeping).toBe("changed");
});

it("of this browser alone is nowhere else, unless there is nothing of it", async () => {
  const here = page();
  expect(await act(() => here.saveNow())).toBe(true);
  here.write("Spring");
  expect(await act(() => here.saveNow())).toBe(false);
});
