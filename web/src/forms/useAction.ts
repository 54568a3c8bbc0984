/** One thing a button does: while it runs the button waits; when it fails, that is said in a corner. */

import { notifications } from "@mantine/notifications";
import { useState } from "react";
import { sentence } from "@/api/problem";

/** `run` never rejects. `pending` goes to the button's `loading`. */
export function useAction() {
  const [pending, setPending] = useState(false);
  const run = async (work: () => Promise<unknown>) => {
    setPending(true);
    try {
      await work();
    } catch (error) {
      notifications.show({ color: "red", title: "That failed", message: sentence(error), autoClose: 10_000 });
    } finally {
      setPending(false);
    }
  };
  return { run, pending };
}
