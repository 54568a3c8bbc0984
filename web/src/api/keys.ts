/**
 * Where answers are kept by TanStack Query, and by which they are read anew. Lists and single ones lie apart, since
 * what changes one of them seldom changes all; `all` is both.
 *
 * Keys of what a workspace has begin with person and workspace, so that a page of another one finds nothing of it.
 */

import { session } from "./session";

/** The parameters of a list or a figure: a part of its key as it is. */
type Asked = object | string | null | undefined;

function own<const Parts extends readonly unknown[]>(...parts: Parts) {
  return [session.actingAs(), ...parts] as const;
}

export const keys = {
  ways: ["ways"],
  me: ["me"],
  whoNow: ["whoNow"],
  offer: (token: string) => ["offer", token],
  /** Whatever is of the workspace. */
  ofWorkspace: () => own(),
  sessions: () => own("sessions"),
  apiKeys: () => own("keys"),
  audit: () => own("audit"),
  campaigns: {
    all: () => own("campaigns"),
    lists: () => own("campaigns", "list"),
    list: (status: Asked) => own("campaigns", "list", status),
    one: (id: number) => own("campaigns", "one", id),
    forecast: (id: number) => own("campaigns", "one", id, "forecast"),
    movedUp: (id: number) => own("campaigns", "one", id, "movedUp"),
    cancelled: (id: number, n: number) => own("campaigns", "one", id, "cancelled", n),
  },
  emails: {
    all: () => own("emails"),
    lists: () => own("emails", "list"),
    list: (filter: Asked) => own("emails", "list", filter),
    ones: () => own("emails", "one"),
    one: (id: number) => own("emails", "one", id),
    message: (id: number) => own("emails", "one", id, "message"),
    waiting: (id: number) => own("emails", "one", id, "waiting"),
    failures: (campaignId: Asked | number) => own("emails", "failures", campaignId),
  },
  responses: {
    all: () => own("responses"),
    lists: () => own("responses", "list"),
    list: (filter: Asked) => own("responses", "list", filter),
    thread: (id: number) => own("responses", "thread", id),
    unread: () => own("responses", "unread"),
    labels: () => own("responses", "labels"),
  },
  recipients: {
    all: () => own("recipients"),
    one: (email: string) => own("recipients", email),
  },
  suppressions: {
    all: () => own("suppressions"),
    list: (filter: Asked) => own("suppressions", "list", filter),
    counts: () => own("suppressions", "counts"),
  },
  senders: () => own("senders"),
  mailProviders: () => own("mailProviders"),
  discovered: (email: string) => own("discovered", email),
  senderCheck: (id: number) => own("senderCheck", id),
  senderDns: (id: number) => own("senderDns", id),
  sendersWaiting: (ids: readonly number[]) => own("sendersWaiting", ids),
  signature: (senderId: number) => own("signature", senderId),
  webhooks: {
    all: () => own("webhooks"),
    list: () => own("webhooks", "list"),
    deliveries: (id: number) => own("webhooks", "one", id, "deliveries"),
  },
  stats: {
    all: () => own("stats"),
    hourly: (query: Asked) => own("stats", "hourly", query),
    planned: (query: Asked) => own("stats", "planned", query),
    totals: (dueBefore: string) => own("stats", "totals", dueBefore),
  },
  sandbox: {
    all: () => own("sandbox"),
    lists: () => own("sandbox", "list"),
    list: (q: Asked) => own("sandbox", "list", q),
    newest: () => own("sandbox", "newest"),
    one: (id: number) => own("sandbox", "one", id),
  },
  frame: (path: string) => own("frame", path),
  savedLists: {
    all: () => own("savedLists"),
    list: () => own("savedLists", "list"),
    sample: (id: number) => own("savedLists", "sample", id),
    growth: (id: number, more: Asked) => own("savedLists", "growth", id, more),
  },
  lists: {
    all: () => own("lists"),
    one: (id: number) => own("lists", "one", id),
  },
  drafts: () => own("drafts"),
  templates: {
    all: () => own("templates"),
    list: () => own("templates", "list"),
    one: (id: number) => own("templates", "one", id),
  },
  workspaces: () => own("workspaces"),
  members: {
    list: () => own("members", "list"),
    invitations: () => own("members", "invitations"),
  },
  alerts: () => own("alerts"),
  users: {
    all: () => own("users"),
    found: (q: Asked) => own("users", q),
    audit: () => own("users", "audit"),
  },
  invitations: () => own("invitations"),
  /** Of a campaign that is being written; `asked` is all that the answer depends on. */
  draft: {
    all: () => own("draft"),
    rendered: (asked: string) => own("draft", "rendered", asked),
    plan: (recipients: string, asked: string) => own("draft", "plan", recipients, asked),
  },
} as const;
