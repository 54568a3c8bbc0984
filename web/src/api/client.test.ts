// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { addressOf, answer, api } from "./client";
import { ApiProblem, sentence } from "./problem";
import { session } from "./session";

const LATEST = { timeout: 30_000 };

const ANNA = {
  id: 1,
  email: "anna@example.com",
  isAdmin: false,
  workspaceId: 4,
  workspaceName: "anna@example.com",
  role: "owner" as const,
};

function json(body: unknown, status = 200, type = "application/json") {
  return new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
}

function problem(status: number, more: object = {}) {
  const body = {
    type: "about:blank",
    title: "Title",
    status,
    detail: "what is wrong",
    instance: "/",
    ...more,
  };
  return json(body, status, "application/problem+json");
}

const fetched = vi.fn<(request: Request) => Promise<Response>>();

beforeEach(() => vi.stubGlobal("fetch", fetched));

afterEach(() => {
  session.end();
  fetched.mockReset();
  vi.unstubAllGlobals();
});

test("a success is its body", async () => {
  fetched.mockResolvedValueOnce(json(ANNA));
  expect(await answer(api.GET("/api/auth/me"))).toEqual(ANNA);
});

test("an answer without a body is no failure", async () => {
  fetched.mockResolvedValueOnce(new Response(null, { status: 204 }));
  expect(await answer(api.POST("/api/auth/logout"))).toBeUndefined();
});

test("problem details become an ApiProblem with a sentence for each field", async () => {
  const errors = [{ field: "email", detail: "is not an address" }];
  const rejected = [{ row: 2, email: "x", reason: "no @" }];
  fetched.mockResolvedValueOnce(problem(422, { errors, rejected }));
  const failure = await answer(api.GET("/api/auth/me")).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApiProblem);
  expect(failure).toMatchObject({
    status: 422,
    title: "Title",
    detail: "what is wrong",
    errors: { email: "is not an address" },
    rejected,
  });
});

test("a failure that is no problem details has a sentence all the same", async () => {
  fetched.mockResolvedValueOnce(new Response("<h1>Bad gateway</h1>", { status: 502 }));
  await expect(answer(api.GET("/api/auth/me"))).rejects.toMatchObject({ name: "ApiProblem", status: 502 });
});

test("no answer at all has status 0", async () => {
  fetched.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  await expect(answer(api.GET("/api/auth/me"))).rejects.toMatchObject({ status: 0, title: "No connection" });
});

test("while nobody is logged in a 401 is thrown at once", async () => {
  fetched.mockResolvedValueOnce(problem(401));
  await expect(answer(api.GET("/api/auth/me"))).rejects.toMatchObject({ status: 401 });
  expect(session.get().lost).toBeNull();
});

test("when the session has expired a request waits for the login and is sent again, its body too", async () => {
  session.begin(ANNA);
  const bodies: string[] = [];
  fetched.mockImplementation(async (request) => {
    bodies.push(await request.text());
    return bodies.length === 1 ? problem(401) : json({ ok: true });
  });
  const call = answer(api.POST("/api/senders", { body: { email: "anna@example.com", displayName: "Anna" } }));
  await vi.waitFor(() => expect(session.get().lost).toBe("expired"), LATEST);
  expect(bodies).toHaveLength(1);
  session.begin(ANNA);
  expect(await call).toEqual({ ok: true });
  expect(bodies[1]).toBe(bodies[0]);
  expect(bodies[1]).toContain("Anna");
});

test("a refusal that comes after the next login is no reason to ask for another", async () => {
  session.begin(ANNA);
  let refuse = (_: Response) => {};
  fetched.mockReturnValueOnce(new Promise((resolve) => (refuse = resolve)));
  fetched.mockResolvedValueOnce(json({ items: [] }));
  const call = answer(api.GET("/api/keys"));
  await vi.waitFor(() => expect(fetched).toHaveBeenCalledTimes(1), LATEST);
  session.begin(ANNA);
  refuse(problem(401));
  expect(await call).toEqual({ items: [] });
  expect(session.get().lost).toBeNull();
});

test("a request says whose page it is from, and waits while somebody else is logged in", async () => {
  session.begin(ANNA);
  const named: Array<string | null> = [];
  const type = "urn:reachinbox:problem:another_account";
  fetched.mockImplementation(async (request) => {
    named.push(request.headers.get("ReachInbox-Acting-As"));
    return named.length === 1 ? problem(409, { type }) : json({ items: [] });
  });
  const call = answer(api.GET("/api/keys"));
  await vi.waitFor(() => expect(session.get().lost).toBe("taken"), LATEST);
  session.begin(ANNA);
  expect(await call).toEqual({ items: [] });
  expect(named).toEqual(["1.4", "1.4"]);
  expect(addressOf("/api/events")).toBe("/api/events?actingAs=1.4");
  expect(addressOf("/api/emails/export?q=a")).toBe("/api/emails/export?q=a&actingAs=1.4");
  session.end();
  expect(addressOf("/api/events")).toBe("/api/events");
});

test("whoever logs out instead has waiting requests fail", async () => {
  session.begin(ANNA);
  fetched.mockResolvedValueOnce(problem(401));
  const call = answer(api.GET("/api/keys"));
  const failed = expect(call).rejects.toMatchObject({ status: 401 });
  await vi.waitFor(() => expect(session.get().lost).toBe("expired"), LATEST);
  session.end();
  await failed;
});

test("a wrong password is an answer, not the end of a session", async () => {
  session.begin(ANNA);
  fetched.mockResolvedValueOnce(problem(401));
  await expect(
    answer(api.POST("/api/auth/login", { body: { email: "a", password: "b" } })),
  ).rejects.toMatchObject({ status: 401 });
  expect(session.get().lost).toBeNull();
});

test("a sentence has a capital and an end", () => {
  expect(sentence(new Error("no campaign 7"))).toBe("No campaign 7.");
  expect(sentence(new Error("Done already!"))).toBe("Done already!");
});
