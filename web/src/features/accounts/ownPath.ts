/** A path on our own origin, or nothing: where a login may lead to. As `//host` a path would be another's address. */
export function ownPath(value: unknown): string | undefined {
  if (typeof value !== "string" || !value.startsWith("/")) return undefined;
  if (!URL.canParse(value, location.origin)) return undefined;
  const url = new URL(value, location.origin);
  if (url.origin !== location.origin || url.pathname.includes("//")) return undefined;
  return url.pathname + url.search + url.hash;
}
