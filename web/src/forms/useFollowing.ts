import type { UseFormReturnType } from "@mantine/form";
import { useEffect, useEffectEvent, useState } from "react";

interface Submitted<Values extends Record<string, unknown>> {
  form: UseFormReturnType<Values>;
  isDirty: () => boolean;
}

/**
 * Keeps a form that stands on a page at what the `server` has, as long as nobody has changed it here. Returns whether
 * the server has something else by now than what was changed here: to be told, for saving writes over it.
 */
export function useFollowing<Values extends Record<string, unknown>>(
  { form, isDirty }: Submitted<Values>,
  server: Values,
): boolean {
  const print = JSON.stringify(server);
  const [begun, setBegun] = useState(print);
  const follow = useEffectEvent(() => {
    if (print === begun) return;
    if (print !== JSON.stringify(form.getValues())) {
      if (isDirty()) return;
      form.setValues(server);
    }
    form.resetDirty(server);
    setBegun(print);
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for all that the server says
  useEffect(() => follow(), [print]);
  return print !== begun;
}
