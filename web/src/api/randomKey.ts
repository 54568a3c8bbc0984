/** Tells one thing from all others. Not crypto.randomUUID, which exists on HTTPS and localhost alone. */
export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
