/** The audit log's actions in words: the API says which there are. */

import type { components } from "@/api/schema";

type Action = components["schemas"]["Entry"]["action"];

const ACTIONS: Readonly<Record<Action, string>> = {
  "campaign.held.try": "Had a held campaign tried again",
  "campaign.held.fail": "Failed the recipients that hold a campaign",
  "campaign.held.go_on": "Let a held campaign go on",
  "sender.held.try": "Had a held sender tried again",
  "sender.held.fail": "Failed the recipients that hold a sender",
  "sender.held.go_on": "Let a held sender go on",
  "installation.take-over": "Took the database over",
  "installation.rotate-key": "Encrypted stored secrets with the current key",
  "account.created": "Made the account",
  "account.linked": "Logged in with Google for the first time",
  "account.given_back": "Took the account back from an address that was never verified",
  "account.disabled": "Disabled an account",
  "account.enabled": "Enabled an account",
  "account.removed": "Removed an account",
  "account.unknown": "Named an address that has no account",
  "attempts.refused": "Tried too often and was refused",
  login: "Logged in",
  "login.failed": "A login failed: wrong password",
  "login.disabled": "A login was refused: the account is disabled",
  logout: "Logged out",
  "session.ended": "Ended a session",
  "sessions.ended": "Ended all sessions of an account",
  "password.changed": "Changed the password",
  "password.reset_asked": "Asked for a link to a new password",
  "password.link_made": "Made a link to a new password for an account",
  "key.created": "Made an API key",
  "key.revoked": "Revoked an API key",
  "keys.revoked": "Revoked all API keys of an account",
  "invitation.created": "Invited somebody",
  "invitation.revoked": "Took an invitation back",
  "workspace.created": "Made the workspace",
  "workspace.renamed": "Renamed the workspace",
  "workspace.changed": "Changed the workspace's settings",
  "workspace.deleted": "Deleted a workspace",
  "workspace.handed_over": "Handed a workspace over to another account",
  "member.invited": "Invited somebody into the workspace",
  "member.invitation_revoked": "Took an invitation into the workspace back",
  "member.joined": "Joined the workspace",
  "member.changed": "Changed a member's role",
  "member.removed": "Removed a member",
  "member.left": "Left the workspace",
  "sandbox.cleared": "Removed what the sandbox had received",
  "list.created": "Began a saved list",
  "list.grown": "Added recipients to a saved list",
  "list.exported": "Downloaded a saved list",
  "list.removed": "Removed a saved list",
  "campaign.scheduled": "Scheduled a campaign",
  "campaign.changed": "Changed a campaign",
  "campaign.variant_stopped": "Stopped a variant of a campaign",
  "campaign.paused": "Paused a campaign",
  "campaign.archived": "Archived a campaign",
  "campaign.unarchived": "Brought a campaign back from the archive",
  "campaign.deleted": "Deleted a campaign",
  "campaign.first": "Put a campaign first",
  "campaign.not_first": "Put a campaign first no longer",
  "campaign.moved_up": "Had new people of a campaign move up",
  "campaign.direct": "Sent a test",
  "campaign.resumed": "Resumed a campaign",
  "campaign.cancelled": "Cancelled a campaign",
  "campaign.moved": "Gave a sender's emails of a campaign to its others",
  "campaign.braked": "Paused a campaign: too many of its recipients do not exist",
  "campaign.hold": "Held a campaign after a restore",
  "email.failed->scheduled": "Had failed emails tried again",
  "email.unknown->scheduled": "Had emails in doubt sent again",
  "email.unknown->sent": "Took emails in doubt as sent",
  "email.bounced->scheduled": "Sent a returned email again",
  "email.put_aside": "Put failed emails aside",
  "email.suppressed": "Decided not to write again to whom emails failed",
  "email.mended": "Corrected the address of a failed email",
  "email.stopped": "Stopped an email",
  "response.answered": "Answered a response",
  "response.corrected": "Corrected what a response is",
  "response.forgotten": "Forgot a response",
  "suppressions.added": "Suppressed addresses or domains",
  "suppressions.exported": "Exported suppressions",
  "suppression.removed": "Allowed writing to somebody again",
  "suppressions.removed": "Allowed writing to many again",
  "sender.created": "Added a sender",
  "sender.changed": "Changed a sender",
  "sender.deleted": "Deleted a sender",
  "sender.retired": "Retired a sender",
  "sender.reinstated": "Reinstated a sender",
  "sender.checked": "Checked a sender by a mail",
  "webhook.created": "Added a webhook",
  "webhook.changed": "Changed a webhook",
  "webhook.deleted": "Deleted a webhook",
  "webhook.secret_rotated": "Made a new secret for a webhook",
  "webhook.replayed": "Sent a webhook's event again",
  "recipient.erase": "Erased a recipient's data",
  "recipient.export": "Exported a recipient's data",
  "emails.export": "Exported emails",
};

/** The kind of attempt, which is the subject then: as `What` in app/domain/accounts/attempts.py. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  login: "login",
  google: "login with Google",
  register: "registration",
  reset: "new password",
  password: "change of the password",
  invitation: "invitation",
};

/** A page older than the API shows an action that it does not know as it is. */
export function auditWords(action: Action, subject: string): string {
  const words = ACTIONS[action] ?? action;
  if (action === "login" && subject === "google") return `${words} with Google`;
  const attempt = action === "attempts.refused" || action === "account.unknown";
  return attempt ? `${words}: ${ATTEMPTS[subject] ?? subject}` : words;
}

/** The subject of an entry, such as `emails/7,8`: what kind of thing, and which; null: the action says it already. */
export function auditSubject(subject: string): { kind: string; ids: readonly number[]; text: string } | null {
  const [, kinds = "", numbers = "", rest = ""] =
    /^(?:[a-z-]+\/)*([a-z-]+)\/(\d+(?:,\d+)*)(.*)$/s.exec(subject) ?? [];
  if (!kinds) return subject.includes("/") ? { kind: "", ids: [], text: subject } : null;
  const ids = numbers.split(",").map(Number);
  const kind = kinds === "users" ? "account" : kinds.replace(/s$/, "").replace("-", " ");
  const name = ids.length > 1 ? `${ids.length} ${kind}s` : `${kind} ${ids[0]}`;
  return { kind, ids, text: `${name}${rest.replace(/emails\//g, "email ")}` };
}
