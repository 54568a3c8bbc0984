import { count } from "./numbers";

/** A number with thousands separated, in figures of one width so that nothing moves as it changes. */
export function Count({ value }: { value: number }) {
  return <span className="tabular">{count(value)}</span>;
}
