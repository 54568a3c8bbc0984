import { expect, it } from "vitest";
import { auditSubject, auditWords } from "./words";

it("says what was decided about emails, and how somebody logged in", () => {
  expect(auditWords("email.failed->scheduled", "emails/7")).toBe("Had failed emails tried again");
  expect(auditWords("login", "")).toBe("Logged in");
  expect(auditWords("login", "google")).toBe("Logged in with Google");
  expect(auditWords("attempts.refused", "reset")).toBe("Tried too often and was refused: new password");
});

it("says what it was done to without the API's own names", () => {
  expect(auditSubject("senders/8")).toEqual({ kind: "sender", ids: [8], text: "sender 8" });
  expect(auditSubject("emails/1,2,3")).toMatchObject({ kind: "email", text: "3 emails" });
  expect(auditSubject("members/3, viewer to member")?.text).toBe("member 3, viewer to member");
  expect(auditSubject("members/invitations/2, viewer")?.text).toBe("invitation 2, viewer");
  expect(auditSubject("emails/7 (emails/9)")?.text).toBe("email 7 (email 9)");
  expect(auditSubject("users/4")?.text).toBe("account 4");
  expect(auditSubject("saved-lists/4")?.text).toBe("saved list 4");
  expect(auditSubject("google")).toBeNull();
});
