import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorState } from "./ErrorState";
import { Panel } from "./Panel";
import { TableSkeleton } from "./skeletons";

interface Props<T> {
  query: Pick<UseQueryResult<T>, "data" | "error" | "refetch">;
  children: (data: T) => ReactNode;
}

/** The answer of a query, or that it is on its way, or that it failed. */
export function Listing<T>({ query: { data, error, refetch }, children }: Props<T>) {
  if (data !== undefined) return <>{children(data)}</>;
  if (error) return <ErrorState error={error} retry={refetch} />;
  return (
    <Panel>
      <TableSkeleton rows={4} />
    </Panel>
  );
}
