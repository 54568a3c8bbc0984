/** A path on our own origin, or nothing: where a login may lead to. */
export function ownPath(value: unknown): string | undefined {
  if (typeof value !== "string" || !value.startsWith("/")) return undefined;
  const url = URL.parse(value, location.origin);
  return url && url.origin === location.origin ? url.pathname + url.search + url.hash : undefined;
}
