import { expect, test } from "vitest";
import { createSession } from "./session";

const ANNA = {
  id: 1,
  email: "anna@example.com",
  isAdmin: false,
  workspaceId: 1,
  workspaceName: "anna",
  role: "owner" as const,
};
const BOB = {
  id: 2,
  email: "bob@example.com",
  isAdmin: false,
  workspaceId: 2,
  workspaceName: "bob",
  role: "owner" as const,
};

type Channel = Pick<BroadcastChannel, "postMessage" | "onmessage">;

/** Tabs of one browser: what one says, the others hear at once. */
function tabs(n: number) {
  const channels: Channel[] = [];
  return Array.from({ length: n }, () => {
    const channel: Channel = {
      onmessage: null,
      postMessage(data) {
        for (const other of channels)
          if (other !== channel) other.onmessage?.call({} as BroadcastChannel, { data } as MessageEvent);
      },
    };
    channels.push(channel);
    const session = createSession();
    session.share(channel);
    return session;
  });
}

test("when somebody else logs in in another tab, the page of the first waits until they are back", async () => {
  const [first, second] = tabs(2) as [ReturnType<typeof createSession>, ReturnType<typeof createSession>];
  first.begin(ANNA);
  second.begin(BOB);
  expect(first.get()).toEqual({ user: ANNA, lost: "taken" });
  expect(second.get().lost).toBeNull();
  const again = first.lose("taken", first.logins());
  first.begin(ANNA);
  expect(await again).toBe(true);
  expect(first.get().lost).toBeNull();
  expect(second.get().lost).toBe("taken");
});

test("who logs out or in in one tab does so in all of their tabs, and in no page before the login", async () => {
  const [first, second, third] = tabs(3) as Array<ReturnType<typeof createSession>>;
  if (!first || !second || !third) throw new Error("three tabs");
  first.begin(ANNA);
  second.begin(ANNA);
  second.end();
  expect(first.get().lost).toBe("expired");
  const again = first.lose("expired", first.logins());
  second.begin(ANNA);
  expect(await again).toBe(true);
  expect(third.get()).toEqual({ user: null, lost: null });
});

test("leaving a page whose cookie is somebody else's logs nobody out", () => {
  const [first, second] = tabs(2) as [ReturnType<typeof createSession>, ReturnType<typeof createSession>];
  first.begin(ANNA);
  second.begin(BOB);
  first.end({ everywhere: false });
  expect(second.get()).toEqual({ user: BOB, lost: null });
});
