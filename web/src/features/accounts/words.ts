/** What the audit log's actions are, in words. */

const ACTIONS: Readonly<Record<string, string>> = {
  "account.created": "Made the account",
  "account.given_back": "Took the account back from an address that was never verified",
  login: "Logged in",
  "login.failed": "A login failed: wrong password",
  "password.changed": "Changed the password",
  "key.created": "Made an API key",
  "key.revoked": "Revoked an API key",
  "invitation.created": "Invited somebody",
  "invitation.revoked": "Took an invitation back",
  "sender.created": "Added a sender",
  "sender.changed": "Changed a sender",
  "sender.deleted": "Deleted a sender",
  "webhook.created": "Added a webhook",
  "webhook.changed": "Changed a webhook",
  "webhook.deleted": "Deleted a webhook",
  "webhook.secret_rotated": "Made a new secret for a webhook",
  "webhook.replayed": "Sent a webhook's event again",
  "recipient.erase": "Erased a recipient's data",
};

/** The action itself where it has no words yet. */
export function auditWords(action: string, subject: string): string {
  const words = ACTIONS[action] ?? action;
  return action === "login" && subject === "google" ? `${words} with Google` : words;
}
