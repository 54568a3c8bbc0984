import type { Sender } from "./queries";

export interface ButtonHopes {
  /** Whether the check on the wire showed mail to be signed with the button's headers, or did not tell. */
  hopes: "good" | "bad" | "unknown";
  text: string;
}

const WORDS: Readonly<Record<ButtonHopes["hopes"], (emails: string, isOne: boolean) => string>> = {
  good: (emails) =>
    `${emails}: the check showed that the button's headers are signed, so it can be hoped for.`,
  bad: (emails, isOne) =>
    `${emails}: ${isOne ? "its server does" : "their servers do"} not sign the button's headers, so mail programs may show none. Rely on the link in the text.`,
  unknown: (emails, isOne) =>
    `${emails}: whether mail programs show the button is not known until ${isOne ? "it is" : "they are"} checked by a mail to another provider.`,
};

/** Whether receivers can be hoped to show the one-click button, by what the chosen senders' last checks told. */
export function buttonHopes(senders: readonly Sender[]): ButtonHopes[] {
  const told = (sender: Sender): ButtonHopes["hopes"] => {
    const signed = sender.checked?.oneClickSigned ?? null;
    return signed === null ? "unknown" : signed ? "good" : "bad";
  };
  const own = senders.filter(({ host }) => host !== null);
  return (["bad", "unknown", "good"] as const).flatMap((hopes) => {
    const emails = own.filter((sender) => told(sender) === hopes).map(({ email }) => email);
    if (emails.length === 0) return [];
    const shown = emails.length > 3 ? `${emails.length} of the mailboxes` : emails.join(", ");
    return [{ hopes, text: WORDS[hopes](shown, emails.length === 1) }];
  });
}
