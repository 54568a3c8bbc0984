import { LIMITS } from "@/api/constants";
import { count, counted } from "@/ui/numbers";

const { minLength: SHORTEST, maxLength: LONGEST } = LIMITS.RegistrationBody.password;

export const PASSWORD_HINT = `${SHORTEST} characters or more. A few unrelated words are easy to remember.`;

/** A validation rule for a new password. */
export function newPassword(value: string): string | null {
  if (value.length < SHORTEST) return `Give ${SHORTEST} characters or more.`;
  return value.length > LONGEST ? `Give ${count(LONGEST)} characters at most.` : null;
}

/** How many API keys ended with the password from before. */
export function revoked(keys: number): string {
  return keys === 0 ? "You had no API keys." : `Revoked: ${counted(keys, "API key")}.`;
}
