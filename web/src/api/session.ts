/**
 * The session, and what happens when it ends under somebody's hands: requests wait until they are back.
 *
 * All tabs of a browser share one cookie. So a tab tells the others who has come and gone (`shareSession`), and says in
 * each request whose page it is (`actingAs`), which the API compares with the cookie's session.
 */

import type { components } from "./schema";

export type User = components["schemas"]["User"];

/** Why the cookie is not this page's any more: nobody is logged in, or somebody else is. */
export type Lost = "expired" | "taken";

/** While it is `lost`, requests wait for `user` to log in again. */
export interface SessionState {
  user: User | null;
  lost: Lost | null;
}

/** A person and the workspace that they have selected, as the API compares them. */
export const accountOf = (user: User) => `${user.id}.${user.workspaceId}`;

export function createSession() {
  let state: SessionState = { user: null, lost: null };
  let logins = 0;
  let waiting: Array<(back: boolean) => void> = [];
  const listeners = new Set<() => void>();
  let tellOthers: (account: string | null) => void = () => undefined;

  const become = (next: SessionState) => {
    state = next;
    for (const listener of listeners) listener();
  };
  const settle = (back: boolean) => {
    const settled = waiting;
    waiting = [];
    for (const resolve of settled) resolve(back);
  };
  const enter = (user: User) => {
    logins++;
    become({ user, lost: null });
    settle(true);
  };
  const actingAs = () => state.user && accountOf(state.user);

  return {
    get: () => state,

    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },

    /** The user whose page this is; null: nobody's. */
    actingAs,

    /** How often somebody has logged in so far: what was sent before a login may be answered after it. */
    logins: () => logins,

    /** Somebody is logged in: what waited goes on. */
    begin(user: User) {
      enter(user);
      tellOthers(actingAs());
    },

    /** Nobody is, on purpose. Requests that waited fail. `everywhere`: the cookie is gone, too. */
    end({ everywhere = true } = {}) {
      become({ user: null, lost: null });
      settle(false);
      if (everywhere) tellOthers(null);
    },

    /**
     * A request sent after so many logins was refused although somebody works here. Resolves to whether it is to be sent
     * again: once they have logged in again, or at once when they did so meanwhile.
     */
    lose(why: Lost, sentAfter: number): Promise<boolean> {
      if (state.user === null) return Promise.resolve(false);
      if (sentAfter !== logins) return Promise.resolve(true);
      if (state.lost !== why) become({ ...state, lost: why });
      return new Promise((resolve) => waiting.push(resolve));
    },

    /** Tell the browser's other tabs, and hear from them. */
    share(channel: Pick<BroadcastChannel, "postMessage" | "onmessage">) {
      tellOthers = (account) => channel.postMessage(account);
      channel.onmessage = ({ data: account }: MessageEvent<string | null>) => {
        if (state.user === null) return;
        if (account !== actingAs()) become({ ...state, lost: account === null ? "expired" : "taken" });
        else if (state.lost) enter(state.user);
      };
    },
  };
}

export const session = createSession();
