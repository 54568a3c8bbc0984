import { expect, it } from "vitest";
import { adviceOn } from "./advice";

it.each([
  [
    "smtp.gmail.com:587 refused the login: 535 5.7.8 Username and Password not accepted. https://support.google.com/mail/?p=BadCredentials - gsmtp",
    "app password",
    "myaccount.google.com/apppasswords",
  ],
  ["534 5.7.9 Application-specific password required", "app password", "myaccount.google.com/apppasswords"],
  [
    "smtp.office365.com:587 refused the login: 535 5.7.139 Authentication unsuccessful",
    "Microsoft",
    "learn.microsoft",
  ],
  ["550 5.7.30 Basic authentication is not supported for Client Submission.", "Microsoft", "learn.microsoft"],
  ["550 5.7.60 SMTP; Client does not have permissions to send as this sender", "Send as", "learn.microsoft"],
  [
    "mail.example.com:587 refused the login: 535 5.7.8 Error: authentication failed",
    "login name or the password",
    "",
  ],
  ["cannot connect to a:25: nothing answers at this port", "587", ""],
  ["cannot connect to a:25: there is no server of that name", "host name", ""],
  ["TLS with a:465 failed: its certificate is not to be trusted: self-signed certificate", "certificate", ""],
  ["TLS with a:587 failed: wrong version number", "465 goes with TLS", ""],
])("says what to do about %s", (said, text, url) => {
  const advice = adviceOn(said);
  expect(advice?.text).toContain(text);
  expect(advice?.link?.url ?? "").toContain(url);
});

it("says nothing where the server's words are all there is", () => {
  expect(adviceOn("a:25 refused us: 421 Come back on Monday")).toBeNull();
});
