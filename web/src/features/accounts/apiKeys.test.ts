import { describe, expect, it } from "vitest";
import { type ApiKey, curl, expiry, keyState } from "./apiKeys";

describe("curl", () => {
  const origin = "https://mail.example.com";

  it("asks for something that the key may see", () => {
    expect(curl(origin, "rib_x", ["read", "send"])).toBe(
      "curl https://mail.example.com/api/campaigns \\\n  -H 'Authorization: Bearer rib_x'",
    );
    expect(curl(origin, "rib_x", ["admin"])).toContain("/api/keys ");
  });

  it("sends nothing with a key that may send alone", () => {
    expect(curl(origin, "rib_x", ["send"])).toContain("/api/campaigns/preview ");
  });
});

it("expires so many days from now, or never", () => {
  const now = new Date("2026-01-01T12:00:00Z");
  expect(expiry("30", now)).toBe("2026-01-31T12:00:00.000Z");
  expect(expiry("never", now)).toBeNull();
});

it("tells active keys from those that open nothing any more", () => {
  const key: ApiKey = {
    id: 1,
    name: "cron",
    prefix: "rib_abc",
    scopes: ["read"],
    createdAt: "2026-01-01T00:00:00Z",
    expiresAt: "2026-02-01T00:00:00Z",
    lastUsedAt: null,
    revokedAt: null,
    madeBy: { id: 1, email: "anna@example.com" },
  };
  const january = Date.parse("2026-01-15T00:00:00Z");
  expect(keyState(key, january)).toBe("Active");
  expect(keyState(key, Date.parse("2026-02-01T00:00:00Z"))).toBe("Expired");
  expect(keyState({ ...key, revokedAt: "2026-01-10T00:00:00Z" }, january)).toBe("Revoked");
});
