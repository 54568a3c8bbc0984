/** Numbers in words of the interface's language. */

const number = new Intl.NumberFormat("en-US");

/** 1234567 as 1,234,567. */
export function count(value: number): string {
  return number.format(value);
}

/** 1234567 as 1.2 MB. */
export function bytes(value: number): string {
  if (value < 1_000) return counted(value, "byte");
  return value < 1_000_000 ? `${Math.round(value / 1_000)} KB` : `${(value / 1_000_000).toFixed(1)} MB`;
}

/** "1 email", "2,000 emails"; the plural is given where it is not made by an s. */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
