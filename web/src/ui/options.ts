/** Words for what a field of the API may be: written as records, so that the compiler misses no value. */

/** In the order in which they are written. */
export function keysOf<Value extends string>(words: Readonly<Record<Value, unknown>>): readonly Value[] {
  return Object.keys(words) as Value[];
}

/** For fields and lists that choose among them. */
export function optionsOf<Value extends string, Words extends object = { label: string }>(
  words: Readonly<Record<Value, Words>>,
): ReadonlyArray<{ value: Value } & Words> {
  return keysOf(words).map((value) => ({ value, ...words[value] }));
}
