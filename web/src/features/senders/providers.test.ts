import { describe, expect, it } from "vitest";
import { CUSTOM, FALLBACK, PROVIDERS, providerOf } from "./providers";

describe("providerOf", () => {
  it("knows each provider by its own host", () => {
    for (const { id, host } of PROVIDERS.filter(({ id }) => id !== CUSTOM)) {
      expect(providerOf(host, id === "gmail" ? "anna@gmail.com" : "anna@example.com")).toBe(id);
    }
  });

  it("knows Amazon SES in any region, and hosts in any case", () => {
    expect(providerOf("email-smtp.eu-central-1.amazonaws.com")).toBe("ses");
    expect(providerOf("SMTP.Gmail.com", "Anna@GoogleMail.com")).toBe("gmail");
    expect(providerOf("SMTP.Gmail.com", "anna@notgmail.com")).toBe("workspace");
  });

  it("takes everything else for a server of one's own, and no host for the fallback server", () => {
    expect(providerOf("mail.example.com")).toBe(CUSTOM);
    expect(providerOf("email-smtp.evil.example")).toBe(CUSTOM);
    expect(providerOf(null)).toBe(FALLBACK);
  });
});
