/** Recipients whom the API leaves out of a draft, and why. */

import type { Rejected } from "@/api/problem";
import type { LeftOutRow } from "@/features/recipients/leftOutCsv";
import { count, counted } from "@/ui/numbers";
import type { Plan } from "../queries";
import type { Recipients } from "./useRecipients";

/** Who is named as left out, of a plan or of what was scheduled. */
type Named = Pick<Plan, "rejected" | "suppressedRows" | "earlierRows"> & Partial<Pick<Plan, "duplicateRows">>;

/** In the order of the rows. `refused`: all of them, where there is no plan. */
export function leftOutRows(
  plan: Named | undefined,
  refused: readonly Rejected[],
  { rowOf, rowWord }: Pick<Recipients, "rowOf" | "rowWord">,
): LeftOutRow[] {
  const rows = [
    ...(plan?.rejected ?? refused).map(({ row, email, reason }) => ({ row: rowOf(row), email, reason })),
    ...(plan?.duplicateRows ?? []).map(({ row, email, first }) => ({
      row: rowOf(row),
      email,
      reason: `Is in ${rowWord.toLowerCase()} ${count(rowOf(first))} already.`,
    })),
    ...[...(plan?.suppressedRows ?? []), ...(plan?.earlierRows ?? [])].map(({ row, email, reason }) => ({
      row: rowOf(row),
      email,
      reason: `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`,
    })),
  ];
  return rows.sort((a, b) => a.row - b.row);
}

/** Those whom what was scheduled leaves out and the plan did not. */
export function leftOutSince(
  plan: Named,
  scheduled: Named,
  recipients: Pick<Recipients, "rowOf" | "rowWord">,
): LeftOutRow[] {
  const known = new Set(leftOutRows(plan, [], recipients).map(({ row }) => row));
  return leftOutRows(scheduled, [], recipients).filter(({ row }) => !known.has(row));
}

/** Of which kinds there are more than the API names, and how many. */
export function unnamed(plan: Plan): string[] {
  const more = [
    counted(plan.duplicates - plan.duplicateRows.length, "duplicate"),
    `${count(plan.suppressed - (plan.suppressedRows ?? []).length)} who are suppressed`,
    `${count(plan.earlier - (plan.earlierRows ?? []).length)} who were written to before`,
  ];
  return more.filter((text) => !text.startsWith("0 "));
}

export function leftOutCount(plan: Plan): number {
  return plan.duplicates + plan.rejected.length + plan.suppressed + plan.earlier;
}
