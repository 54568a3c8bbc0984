import { IconMapOff } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { ApiProblem } from "@/api/problem";
import { EmptyState } from "./EmptyState";
import { useDocumentTitle } from "./useDocumentTitle";

interface Props {
  /** "campaign". */
  what: string;
  /** A link to the list of them. */
  action: ReactNode;
}

/** Whether that is why something cannot be shown. */
export const isGone = (error: unknown) => error instanceof ApiProblem && error.status === 404;

/** The page of something that is not there, or not there any more. */
export function NoSuch({ what, action }: Props) {
  useDocumentTitle("Not found");
  return (
    <EmptyState order={1} icon={IconMapOff} title={`There is no such ${what}`} action={action}>
      {LOST}
    </EmptyState>
  );
}

export const LOST = "It may have been removed, or the link may have lost a part.";
