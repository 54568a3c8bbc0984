import { expect, it } from "vitest";
import { auditWords } from "./words";

it("says what was decided about emails, and how somebody logged in", () => {
  expect(auditWords("email.failed->scheduled", "emails/7")).toBe("Had failed emails tried again");
  expect(auditWords("login", "")).toBe("Logged in");
  expect(auditWords("login", "google")).toBe("Logged in with Google");
  expect(auditWords("attempts.refused", "reset")).toBe("Tried too often and was refused: new password");
});
