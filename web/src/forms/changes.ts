/** What of `after` differs from `before`, by name: to send the rest along would undo what others have changed meanwhile. */
export function changesOf<Values extends object>(before: Values, after: Values): Partial<Values> {
  const old = before as Readonly<Record<string, unknown>>;
  const differs = ([name, value]: [string, unknown]) => JSON.stringify(value) !== JSON.stringify(old[name]);
  return Object.fromEntries(Object.entries(after).filter(differs)) as Partial<Values>;
}
