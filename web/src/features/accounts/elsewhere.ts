/** Where to log in instead of here: over http browsers drop a cookie that is for https. null: here. */
export function elsewhere(
  baseUrl: string,
  { protocol, hostname, pathname, search }: Pick<Location, "protocol" | "hostname" | "pathname" | "search">,
): string | null {
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(hostname);
  if (protocol !== "http:" || isLocal || !baseUrl.startsWith("https://")) return null;
  return baseUrl + pathname + search;
}
