/** The bounds of app/domain/passwords.py, said before the API has to. */
const SHORTEST = 8;
const LONGEST = 1000;

export const PASSWORD_HINT = `${SHORTEST} characters or more. A few unrelated words are easy to remember.`;

/** A validation rule for a new password. */
export function newPassword(value: string): string | null {
  if (value.length < SHORTEST) return `Give ${SHORTEST} characters or more.`;
  return value.length > LONGEST ? "Give 1,000 characters at most." : null;
}
