/** The midnights before and after, where the person is. */
export function dayAround(now: Date): { begin: Date; end: Date } {
  const midnight = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  return { begin: midnight(0), end: midnight(1) };
}
