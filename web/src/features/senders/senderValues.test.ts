import { describe, expect, it } from "vitest";
import type { Sender } from "./queries";
import {
  entered,
  keepsInboxPassword,
  keepsPassword,
  NEW_SENDER,
  senderBody,
  senderPatch,
  valuesOf,
} from "./senderValues";

const own: Sender = {
  id: 1,
  email: "anna@example.com",
  displayName: "Anna",
  replyTo: null,
  copyToSent: true,
  host: "mail.example.com",
  port: 587,
  security: "starttls",
  username: "anna",
  hasPassword: true,
  credential: { kind: "PASSWORD", provider: null, endedAt: null, error: null },
  hourlyLimit: 100,
  usedThisHour: 0,
  leftThisHour: 100,
  dailyLimit: null,
  usedToday: 0,
  leftToday: null,
  leastGapSeconds: null,
  rampUp: null,
  rampToday: null,
  timezone: "Europe/Berlin",
  sharesLoginWith: [],
  maxConnections: 5,
  isDefault: false,
  blockedUntil: null,
  blockReason: null,
  held: null,
  imap: null,
  verifiedAt: null,
  verifyError: null,
  verifyImapError: null,
  checked: null,
  createdAt: "2026-01-01T00:00:00Z",
  retiredAt: null,
  sandboxUntil: null,
};

describe("entered", () => {
  it("looks at the server, the login and the limits, and not at the mailbox itself", () => {
    expect(entered(NEW_SENDER, { ...NEW_SENDER })).toBe(false);
    expect(
      entered(NEW_SENDER, { ...NEW_SENDER, email: "a@b.example", displayName: "A", replyTo: "c@b.example" }),
    ).toBe(false);
    for (const field of ["username", "password", "imapHost", "dailyLimit", "maxConnections"])
      expect(entered(NEW_SENDER, { ...NEW_SENDER, [field]: "1" }), field).toBe(true);
  });
});

describe("senderBody", () => {
  it("leaves to the API what is not filled in", () => {
    expect(senderBody({ ...NEW_SENDER, email: "a@example.com", host: " mail.example.com " })).toEqual({
      email: "a@example.com",
      displayName: "",
      replyTo: null,
      host: "mail.example.com",
      port: 587,
      security: "starttls",
      username: null,
      password: null,
      hourlyLimit: null,
      maxConnections: null,
      dailyLimit: null,
      leastGapSeconds: null,
      rampUp: null,
      timezone: NEW_SENDER.timezone,
      imap: null,
      copyToSent: true,
    });
  });

  it("says nothing of a server when the fallback server is used", () => {
    expect(senderBody({ ...valuesOf(own), ownServer: false })).not.toHaveProperty("host");
  });
});

describe("senderPatch", () => {
  it("is empty when nothing was changed", () => {
    expect(senderPatch(own, valuesOf(own))).toEqual({});
  });

  it("names what was changed alone, so that the password stays", () => {
    expect(senderPatch(own, { ...valuesOf(own), hourlyLimit: 50 })).toEqual({ hourlyLimit: 50 });
    expect(senderPatch(own, { ...valuesOf(own), copyToSent: false })).toEqual({ copyToSent: false });
    expect(senderPatch(own, { ...valuesOf(own), port: 465, security: "tls" })).toEqual({
      port: 465,
      security: "tls",
    });
  });

  it("sets and removes limits of the day, and a ramp whole or not at all", () => {
    const limited = { ...own, dailyLimit: 40, leastGapSeconds: 600, rampUp: { from: 10, perDay: 3 } };
    expect(senderPatch(own, valuesOf(limited))).toEqual({
      dailyLimit: 40,
      leastGapSeconds: 600,
      rampUp: { from: 10, perDay: 3 },
    });
    expect(senderPatch(limited, valuesOf(own))).toEqual({
      dailyLimit: null,
      leastGapSeconds: null,
      rampUp: null,
    });
    expect(senderPatch(limited, { ...valuesOf(limited), rampPerDay: 5 })).toEqual({
      rampUp: { from: 10, perDay: 5 },
    });
    expect(senderPatch(own, { ...valuesOf(own), rampFrom: 5 })).toEqual({});
  });

  it("removes a login, and goes back to the fallback server", () => {
    expect(senderPatch(own, { ...valuesOf(own), username: " " })).toEqual({ username: null });
    expect(senderPatch(own, { ...valuesOf(own), ownServer: false, port: 25 })).toEqual({ host: null });
  });
});

describe("where a mailbox is read", () => {
  const read: Sender = {
    ...own,
    imap: { host: "imap.example.com", port: 993, security: "tls", username: "reader", hasPassword: true },
  };

  it("is named whole when it changes, and only then", () => {
    expect(senderPatch(read, valuesOf(read))).toEqual({});
    expect(senderPatch(read, { ...valuesOf(read), readsInbox: false })).toEqual({ imap: null });
    const imap = { host: "imap.example.com", port: 993, security: "tls", username: null, password: null };
    expect(senderPatch(read, { ...valuesOf(read), imapUsername: "" })).toEqual({ imap });
    expect(senderPatch(own, { ...valuesOf(read), imapUsername: "" })).toEqual({ imap });
    const other = { ...valuesOf(read), imapPassword: "another" };
    expect(senderPatch(read, other)).toEqual({ imap: { ...imap, username: "reader", password: "another" } });
  });

  it("keeps its password for the same host and login name", () => {
    expect(keepsInboxPassword(read, valuesOf(read))).toBe(true);
    expect(keepsInboxPassword(read, { ...valuesOf(read), imapHost: "other.example.com" })).toBe(false);
    expect(keepsInboxPassword(own, valuesOf(read))).toBe(false);
  });
});

describe("keepsPassword", () => {
  it("ends with another host or login", () => {
    expect(keepsPassword(own, valuesOf(own))).toBe(true);
    expect(keepsPassword(own, { ...valuesOf(own), host: "other.example.com" })).toBe(false);
    expect(keepsPassword(own, { ...valuesOf(own), username: "bob" })).toBe(false);
    expect(keepsPassword({ ...own, hasPassword: false }, valuesOf(own))).toBe(false);
    expect(keepsPassword(undefined, NEW_SENDER)).toBe(false);
  });
});
