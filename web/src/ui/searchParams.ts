/** Values of an address's search, read from whatever stands there. */

export type Search = Readonly<Record<string, unknown>>;

/** The router reads `?q=12` as a number. */
export function textIn(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return undefined;
  return `${value}`.trim() || undefined;
}

export function idIn(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}

export function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((each) => each === value);
}
