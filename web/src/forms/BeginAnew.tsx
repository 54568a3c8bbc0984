import { Button } from "@mantine/core";
import { useState } from "react";
import { ApiProblem } from "@/api/problem";

/** Where somebody else has changed meanwhile what would be written over: the way to what is there now. */
export function BeginAnew({ error, begin }: { error: unknown; begin: () => Promise<unknown> }) {
  const [pending, setPending] = useState(false);
  if (!(error instanceof ApiProblem && error.isOfOlderTexts)) return null;
  return (
    <Button
      variant="default"
      loading={pending}
      onClick={async () => {
        setPending(true);
        await begin().finally(() => setPending(false));
      }}
    >
      Begin with what it says now
    </Button>
  );
}
