/** Values and limits of the API's fields. Written by web/api_types.py from the API's own document. */

export const VALUES = {
  Again: {
    who: ["EVERYBODY", "ANSWERED", "NOT_ANSWERED", "FAILED"],
  },
  Alert: {
    kind: ["installation.other", "worker.missing", "sender.blocked", "sender.unread", "campaign.held", "campaign.paused", "email.unknown", "email.failed", "webhook.disabled", "webhook.failing"],
  },
  ApiKey: {
    scopes: ["read", "send", "admin"],
  },
  Attempt: {
    outcome: ["ACCEPTED", "REJECTED", "DEFERRED", "RELEASED", "UNKNOWN"],
  },
  Campaign: {
    onUnknown: ["hold", "resend", "resend_if_not_in_sent", "assume_sent"],
    status: ["ACTIVE", "PAUSED", "CANCELLED", "FINISHED"],
    kind: ["LIST", "DIRECT"],
    unsubscribe: ["link", "header", "none"],
  },
  CampaignCalendar: {
    days: ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
  },
  CampaignPatch: {
    unsubscribe: ["link", "header", "none"],
    onUnknown: ["hold", "resend", "resend_if_not_in_sent", "assume_sent"],
  },
  Cancelled: {
    reason: ["CAMPAIGN", "SUPPRESSED", "UNSUBSCRIBED", "REPLIED", "BOUNCED", "STOPPED", "LATE", "ERASED"],
  },
  Condition: {
    is: ["equals", "not", "contains", "empty", "filled"],
  },
  Credential: {
    kind: ["PASSWORD", "OAUTH"],
  },
  Delivery: {
    status: ["PENDING", "DELIVERED", "FAILED"],
  },
  Discovered: {
    source: ["provider", "mx", "autoconfig", "srv", "nothing"],
  },
  Email: {
    status: ["SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED"],
    cancelReason: ["CAMPAIGN", "SUPPRESSED", "UNSUBSCRIBED", "REPLIED", "BOUNCED", "STOPPED", "LATE", "ERASED"],
    stopped: ["CAMPAIGN", "SUPPRESSED", "UNSUBSCRIBED", "REPLIED", "BOUNCED", "STOPPED", "LATE", "ERASED"],
    failedFor: ["UNKNOWN_ADDRESS", "UNKNOWN_DOMAIN", "MAILBOX_FULL", "MAILBOX_CLOSED", "SPAM", "OUR_LOGIN", "TOO_FAST", "TOO_LARGE", "NOT_REACHED", "NOT_WRITTEN", "OTHER"],
    settled: ["PUT_ASIDE", "SUPPRESSED", "MENDED", "DIRECT"],
  },
  EmailSummary: {
    status: ["SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED"],
    cancelReason: ["CAMPAIGN", "SUPPRESSED", "UNSUBSCRIBED", "REPLIED", "BOUNCED", "STOPPED", "LATE", "ERASED"],
    failedFor: ["UNKNOWN_ADDRESS", "UNKNOWN_DOMAIN", "MAILBOX_FULL", "MAILBOX_CLOSED", "SPAM", "OUR_LOGIN", "TOO_FAST", "TOO_LARGE", "NOT_REACHED", "NOT_WRITTEN", "OTHER"],
    settled: ["PUT_ASIDE", "SUPPRESSED", "MENDED", "DIRECT"],
  },
  EndedFor: {
    reason: ["CAMPAIGN", "SUPPRESSED", "UNSUBSCRIBED", "REPLIED", "BOUNCED", "STOPPED", "LATE", "ERASED"],
  },
  Entry: {
    action: ["account.created", "account.linked", "account.given_back", "account.disabled", "account.enabled", "account.removed", "account.unknown", "attempts.refused", "login", "login.failed", "login.disabled", "logout", "session.ended", "sessions.ended", "password.changed", "password.reset_asked", "password.link_made", "invitation.created", "invitation.revoked", "workspace.created", "workspace.renamed", "workspace.changed", "workspace.deleted", "workspace.handed_over", "member.invited", "member.invitation_revoked", "member.joined", "member.changed", "member.removed", "member.left", "key.created", "key.revoked", "sender.created", "sender.changed", "sender.deleted", "sender.retired", "sender.reinstated", "sender.checked", "sandbox.cleared", "list.created", "list.grown", "list.exported", "list.removed", "campaign.scheduled", "campaign.changed", "campaign.variant_stopped", "campaign.paused", "campaign.resumed", "campaign.cancelled", "campaign.archived", "campaign.unarchived", "campaign.deleted", "campaign.first", "campaign.not_first", "campaign.moved_up", "campaign.direct", "campaign.moved", "campaign.hold", "campaign.braked", "campaign.held.try", "campaign.held.fail", "campaign.held.go_on", "sender.held.try", "sender.held.fail", "sender.held.go_on", "email.failed->scheduled", "email.bounced->scheduled", "email.unknown->scheduled", "email.unknown->sent", "email.put_aside", "email.suppressed", "email.mended", "email.stopped", "response.answered", "response.corrected", "response.forgotten", "suppressions.added", "suppressions.exported", "suppression.removed", "suppressions.removed", "webhook.created", "webhook.changed", "webhook.deleted", "webhook.secret_rotated", "webhook.replayed", "recipient.erase", "recipient.export", "emails.export", "keys.revoked", "installation.take-over", "installation.rotate-key"],
  },
  FailureDecision: {
    verb: ["RETRY", "PUT_ASIDE", "SUPPRESS"],
    reason: ["UNKNOWN_ADDRESS", "UNKNOWN_DOMAIN", "MAILBOX_FULL", "MAILBOX_CLOSED", "SPAM", "OUR_LOGIN", "TOO_FAST", "TOO_LARGE", "NOT_REACHED", "NOT_WRITTEN", "OTHER"],
  },
  FailureGroup: {
    reason: ["UNKNOWN_ADDRESS", "UNKNOWN_DOMAIN", "MAILBOX_FULL", "MAILBOX_CLOSED", "SPAM", "OUR_LOGIN", "TOO_FAST", "TOO_LARGE", "NOT_REACHED", "NOT_WRITTEN", "OTHER"],
  },
  FailureWord: {
    verb: ["RETRY", "PUT_ASIDE", "SUPPRESS"],
    reason: ["UNKNOWN_ADDRESS", "UNKNOWN_DOMAIN", "MAILBOX_FULL", "MAILBOX_CLOSED", "SPAM", "OUR_LOGIN", "TOO_FAST", "TOO_LARGE", "NOT_REACHED", "NOT_WRITTEN", "OTHER"],
  },
  Finding: {
    subject: ["spf", "dkim", "dmarc", "mx"],
    verdict: ["good", "weak", "wrong", "unknown"],
  },
  Forecast: {
    by: ["hour", "day"],
  },
  ForecastOfAll: {
    by: ["hour", "day"],
  },
  Given: {
    reason: ["TAKEN_OUT", "CONNECTION", "LOGIN", "QUOTA"],
  },
  Held: {
    reason: ["REFUSED", "SERVER_SLOW"],
  },
  HeldAnswer: {
    answer: ["try", "fail", "go_on"],
  },
  IfBlank: {
    do: ["leave_out", "write", "send"],
  },
  ImapServer: {
    security: ["starttls", "tls"],
  },
  Inbox: {
    security: ["starttls", "tls"],
  },
  KeyBody: {
    scopes: ["read", "send", "admin"],
  },
  Member: {
    role: ["owner", "member", "viewer"],
  },
  MemberPatch: {
    role: ["owner", "member", "viewer"],
  },
  MovedUp: {
    by: ["DAY", "PERSON"],
  },
  Offer: {
    role: ["owner", "member", "viewer"],
  },
  PasswordHint: {
    kind: ["mailbox", "app", "none"],
  },
  Place: {
    security: ["none", "starttls", "tls"],
  },
  Preview: {
    unsubscribe: ["link", "header", "none"],
  },
  Resolution: {
    as: ["sent", "resend"],
  },
  Response: {
    kind: ["REPLY", "AUTO_REPLY", "BOUNCE", "COMPLAINT", "UNSUBSCRIBE", "FOUND_IN_SENT"],
    severity: ["hard", "soft", "policy"],
  },
  ResponseSummary: {
    kind: ["REPLY", "AUTO_REPLY", "BOUNCE", "COMPLAINT", "UNSUBSCRIBE", "FOUND_IN_SENT"],
    severity: ["hard", "soft", "policy"],
  },
  ResponseUpdate: {
    kind: ["REPLY", "AUTO_REPLY", "BOUNCE", "COMPLAINT", "UNSUBSCRIBE"],
  },
  SelectionResolution: {
    as: ["sent", "resend"],
  },
  Sender: {
    security: ["none", "starttls", "tls"],
  },
  SenderBody: {
    security: ["none", "starttls", "tls"],
  },
  SenderPatch: {
    security: ["none", "starttls", "tls"],
  },
  Showing: {
    subject: ["handover", "tls", "inbox", "delivery", "folder", "from", "message_id", "sent_copy", "one_click", "spf", "dkim", "dmarc"],
    verdict: ["good", "weak", "wrong", "unknown"],
  },
  StepComparison: {
    verdict: ["CAN_BE_CHANCE", "HARDLY_CHANCE"],
  },
  Suppression: {
    reason: ["UNSUBSCRIBED", "BOUNCED", "COMPLAINED", "REPLIED_STOP", "MANUAL"],
  },
  SuppressionsRemovalBody: {
    reason: ["BOUNCED", "MANUAL"],
  },
  ThreadEmail: {
    status: ["SCHEDULED", "SENDING", "SENT", "FAILED", "UNKNOWN", "CANCELLED"],
  },
  User: {
    role: ["owner", "member", "viewer"],
  },
  Waiting: {
    reason: ["NOT_DUE", "FOLLOWS", "PAUSED", "STOPPED", "CALENDAR", "HOURLY_LIMIT", "DAILY_LIMIT", "CAMPAIGN_LIMIT", "RAMP", "LEAST_GAP", "FOLLOW_UPS", "SENDER_BLOCKED", "LOGIN_EXPIRED", "SERVER_SLOW", "REFUSED", "INBOX_UNREAD", "PLAN_CHANGING", "OTHER_INSTALLATION", "NO_WORKER", "NOTHING_WAITS"],
  },
  Ways: {
    unsubscribe: ["link", "header", "none"],
  },
  Webhook: {
    events: ["email.failed", "email.unknown", "email.replied", "email.bounced", "sender.blocked", "campaign.held", "campaign.paused", "campaign.finished", "recipient.suppressed", "recipient.unsubscribed", "recipient.resubscribed"],
  },
  WebhookBody: {
    events: ["email.failed", "email.unknown", "email.replied", "email.bounced", "sender.blocked", "campaign.held", "campaign.paused", "campaign.finished", "recipient.suppressed", "recipient.unsubscribed", "recipient.resubscribed"],
  },
  WebhookPatch: {
    events: ["email.failed", "email.unknown", "email.replied", "email.bounced", "sender.blocked", "campaign.held", "campaign.paused", "campaign.finished", "recipient.suppressed", "recipient.unsubscribed", "recipient.resubscribed"],
  },
  WireCheck: {
    status: ["RUNNING", "DONE"],
  },
  Workspace: {
    role: ["owner", "member", "viewer"],
    responsesFor: ["owner", "member", "viewer"],
  },
  WorkspaceInvitation: {
    role: ["owner", "member", "viewer"],
  },
  WorkspaceInvitationBody: {
    role: ["owner", "member", "viewer"],
  },
  WorkspacePatch: {
    responsesFor: ["owner", "member", "viewer"],
  },
  LoginFailure: {
    error: ["busy", "cancelled", "closed", "disabled", "domain", "expired", "failed", "unverified"],
  },
  ConnectFailure: {
    connectFailed: ["another_account", "cancelled", "expired", "failed", "no_refresh_token", "other_mailbox", "quota", "role", "scope"],
  },
} as const;

export const LIMITS = {
  AnswerBody: {
    body: {"maxLength": 200000, "minLength": 0},
    bodyHtml: {"maxLength": 200000, "minLength": 0},
    subject: {"maxLength": 998, "minLength": 1},
    attachments: {"maxItems": 20, "minItems": 0},
  },
  CampaignPatch: {
    subject: {"maxLength": 998, "minLength": 1},
    body: {"maxLength": 200000, "minLength": 0},
    bodyHtml: {"maxLength": 200000, "minLength": 0},
    language: {"maxLength": 35, "minLength": 2},
    cc: {"maxItems": 5, "minItems": 0},
    bcc: {"maxItems": 5, "minItems": 0},
    attachments: {"maxItems": 20, "minItems": 0},
    name: {"maxLength": 200, "minLength": 1},
    senderIds: {"maxItems": 50, "minItems": 1},
    delayBetweenMs: {"max": 2592000000, "min": 0},
    jitterPercent: {"max": 100, "min": 0},
    hourlyLimit: {"max": 10000000, "min": 1},
    sharePercent: {"max": 100, "min": 1},
    weight: {"max": 100, "min": 1},
    variants: {"maxItems": 4, "minItems": 0},
    steps: {"maxItems": 10, "minItems": 0},
    textsVersion: {"maxLength": 64},
  },
  Columns: {
    email: {"min": 0},
  },
  Condition: {
    field: {"maxLength": 1000, "minLength": 1},
    values: {"maxItems": 1000},
  },
  Correction: {
    id: {"min": 1},
  },
  Corrections: {
    corrections: {"maxItems": 200, "minItems": 1},
  },
  DraftBody: {
    name: {"maxLength": 200, "minLength": 1},
    lists: {"maxItems": 100, "minItems": 0},
    files: {"maxItems": 100, "minItems": 0},
  },
  FailureWord: {
    ids: {"maxItems": 1000, "minItems": 1},
    campaignId: {"min": 1},
  },
  ImapServer: {
    port: {"max": 65535, "min": 1},
    username: {"maxLength": 1000, "minLength": 1},
    password: {"maxLength": 1000, "minLength": 1},
  },
  ImportBody: {
    csv: {"maxLength": 500000, "minLength": 1},
  },
  KeyBody: {
    name: {"maxLength": 200, "minLength": 1},
  },
  Marks: {
    ids: {"maxItems": 500, "minItems": 1},
    label: {"maxLength": 50, "minLength": 0},
  },
  NewSavedList: {
    name: {"maxLength": 200, "minLength": 1},
    purpose: {"maxLength": 2000, "minLength": 0},
    source: {"maxLength": 2000, "minLength": 0},
  },
  PasswordChange: {
    newPassword: {"maxLength": 1000, "minLength": 8},
  },
  RampUp: {
    perDay: {"max": 10000000, "min": 1},
    from: {"max": 10000000, "min": 1},
  },
  RegistrationBody: {
    password: {"maxLength": 1000, "minLength": 8},
  },
  Reset: {
    password: {"maxLength": 1000, "minLength": 8},
  },
  ResponseUpdate: {
    label: {"maxLength": 50, "minLength": 0},
  },
  SavedDraft: {
    name: {"maxLength": 200, "minLength": 1},
    lists: {"maxItems": 100, "minItems": 0},
    files: {"maxItems": 100, "minItems": 0},
    version: {"max": 2147483647, "min": 1},
  },
  Selection: {
    ids: {"maxItems": 1000, "minItems": 1},
    campaignId: {"min": 1},
  },
  SelectionResolution: {
    ids: {"maxItems": 1000, "minItems": 1},
    campaignId: {"min": 1},
  },
  SenderBody: {
    displayName: {"maxLength": 200, "minLength": 0},
    port: {"max": 65535, "min": 1},
    username: {"maxLength": 1000, "minLength": 1},
    password: {"maxLength": 1000, "minLength": 1},
    hourlyLimit: {"max": 10000000, "min": 1},
    maxConnections: {"max": 1000, "min": 1},
    dailyLimit: {"max": 10000000, "min": 1},
    leastGapSeconds: {"max": 86400, "min": 1},
    timezone: {"maxLength": 100, "minLength": 1},
  },
  SenderPatch: {
    displayName: {"maxLength": 200, "minLength": 0},
    port: {"max": 65535, "min": 1},
    username: {"maxLength": 1000, "minLength": 1},
    password: {"maxLength": 1000, "minLength": 1},
    hourlyLimit: {"max": 10000000, "min": 1},
    maxConnections: {"max": 1000, "min": 1},
    dailyLimit: {"max": 10000000, "min": 1},
    leastGapSeconds: {"max": 86400, "min": 1},
    timezone: {"maxLength": 100, "minLength": 1},
  },
  SignatureBody: {
    text: {"maxLength": 10000, "minLength": 0},
    html: {"maxLength": 10000, "minLength": 0},
    textsVersion: {"maxLength": 64},
  },
  StepPatch: {
    subject: {"maxLength": 998, "minLength": 1},
    body: {"maxLength": 200000, "minLength": 0},
    bodyHtml: {"maxLength": 200000, "minLength": 0},
    id: {"min": 1},
    weight: {"max": 100, "min": 1},
    variants: {"maxItems": 4, "minItems": 0},
  },
  SuppressionRemovalBody: {
    why: {"maxLength": 200, "minLength": 1},
  },
  SuppressionsRemovalBody: {
    why: {"maxLength": 200, "minLength": 1},
    campaignId: {"min": 1},
  },
  TemplateBody: {
    subject: {"maxLength": 200000, "minLength": 0},
    body: {"maxLength": 200000, "minLength": 0},
    bodyHtml: {"maxLength": 200000, "minLength": 0},
    language: {"maxLength": 35, "minLength": 2},
    cc: {"maxItems": 5, "minItems": 0},
    bcc: {"maxItems": 5, "minItems": 0},
    attachments: {"maxItems": 20, "minItems": 0},
    name: {"maxLength": 200, "minLength": 1},
  },
  TemplatePatch: {
    subject: {"maxLength": 200000, "minLength": 0},
    body: {"maxLength": 200000, "minLength": 0},
    bodyHtml: {"maxLength": 200000, "minLength": 0},
    language: {"maxLength": 35, "minLength": 2},
    cc: {"maxItems": 5, "minItems": 0},
    bcc: {"maxItems": 5, "minItems": 0},
    attachments: {"maxItems": 20, "minItems": 0},
    name: {"maxLength": 200, "minLength": 1},
    textsVersion: {"maxLength": 64},
  },
  VariantPatch: {
    subject: {"maxLength": 998, "minLength": 1},
    body: {"maxLength": 200000, "minLength": 0},
    bodyHtml: {"maxLength": 200000, "minLength": 0},
    id: {"min": 1},
    weight: {"max": 100, "min": 1},
  },
  WebhookBody: {
    url: {"maxLength": 2000, "minLength": 1},
    description: {"maxLength": 200, "minLength": 0},
  },
  WebhookPatch: {
    url: {"maxLength": 2000, "minLength": 1},
    description: {"maxLength": 200, "minLength": 0},
  },
  WorkspaceBody: {
    name: {"maxLength": 100, "minLength": 1},
  },
  WorkspacePatch: {
    name: {"maxLength": 100, "minLength": 1},
    bounceLimit: {"max": 100, "min": 1},
    postalAddress: {"maxLength": 500, "minLength": 0},
  },
} as const;
