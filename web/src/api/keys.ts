/**
 * Where answers are kept by TanStack Query, and by which they are read anew. Lists and single ones lie apart, since
 * what changes one of them seldom changes all; `all` is both.
 */

/** What a list or a figure is asked with: a part of its key as it is. */
type Asked = object | string | null | undefined;

export const keys = {
  ways: ["ways"],
  me: ["me"],
  sessions: ["sessions"],
  apiKeys: ["keys"],
  audit: ["audit"],
  campaigns: {
    all: ["campaigns"],
    lists: ["campaigns", "list"],
    list: (status: Asked) => ["campaigns", "list", status] as const,
    one: (id: number) => ["campaigns", "one", id] as const,
  },
  emails: {
    all: ["emails"],
    lists: ["emails", "list"],
    list: (filter: Asked) => ["emails", "list", filter] as const,
    ones: ["emails", "one"],
    one: (id: number) => ["emails", "one", id] as const,
    message: (id: number) => ["emails", "one", id, "message"] as const,
  },
  senders: ["senders"],
  webhooks: {
    all: ["webhooks"],
    list: ["webhooks", "list"],
    deliveries: (id: number) => ["webhooks", "one", id, "deliveries"] as const,
  },
  stats: {
    all: ["stats"],
    hourly: (query: Asked) => ["stats", "hourly", query] as const,
    totals: (dueBefore: string) => ["stats", "totals", dueBefore] as const,
  },
  sandbox: {
    list: ["sandbox", "list"],
    newest: ["sandbox", "newest"],
    one: (id: number) => ["sandbox", "one", id] as const,
  },
  lists: {
    all: ["lists"],
    one: (id: number) => ["lists", "one", id] as const,
  },
  users: ["users"],
  invitations: ["invitations"],
  /** Of a campaign that is being written; `asked` is all that the answer depends on. */
  draft: {
    all: ["draft"],
    rendered: (asked: string) => ["draft", "rendered", asked] as const,
    plan: (recipients: string, asked: string) => ["draft", "plan", recipients, asked] as const,
  },
} as const;
