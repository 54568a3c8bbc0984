/** Who is logged in, and what happens when that ends under somebody's hands: requests wait until they are back. */

import type { components } from "./schema";

export type User = components["schemas"]["User"];

/** `expired`: requests wait for `user` to log in again. */
export interface SessionState {
  user: User | null;
  expired: boolean;
}

let state: SessionState = { user: null, expired: false };
let waiting: Array<(back: boolean) => void> = [];
const listeners = new Set<() => void>();

function become(next: SessionState) {
  state = next;
  for (const listener of listeners) listener();
}

export const session = {
  get: () => state,

  subscribe(listener: () => void) {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  },

  /** Somebody is logged in: what waited goes on. */
  begin(user: User) {
    become({ user, expired: false });
    settle(true);
  },

  /** Nobody is, on purpose. What waited fails. */
  end() {
    become({ user: null, expired: false });
    settle(false);
  },

  /** The session is over although somebody works here. Resolves to whether they have logged in again. */
  expire(): Promise<boolean> {
    if (state.user === null) return Promise.resolve(false);
    if (!state.expired) become({ ...state, expired: true });
    return new Promise((resolve) => waiting.push(resolve));
  },
};

function settle(back: boolean) {
  const settled = waiting;
  waiting = [];
  for (const resolve of settled) resolve(back);
}
