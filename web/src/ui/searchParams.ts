/** Values of an address's search, read from whatever stands there. */

export type Search = Readonly<Record<string, unknown>>;

/** The router reads `?q=12` as a number. A NUL is left out: nobody types one, damaged links bring it. */
export function textIn(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return undefined;
  return `${value}`.replaceAll("\0", "").trim() || undefined;
}

export function idIn(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}

/** Of a path; 0, which nothing has, where none is written there. */
export function idInPath(text: string): number {
  return (/^[1-9]\d*$/.test(text) && idIn(Number(text))) || 0;
}

export function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((each) => each === value);
}
