import { Alert } from "@mantine/core";
import { counted } from "@/ui/numbers";
import type { Erased } from "./commands";

/** The effects of erasing a recipient. */
export function ErasedNotice({ email, what }: { email: string; what: Erased }) {
  return (
    <Alert color={what.beingSent > 0 ? "orange" : "petrol"} role="status" title={`${email} is erased`}>
      {counted(what.emails, "email")} without an address now, {counted(what.cancelled, "email")} cancelled,{" "}
      {counted(what.sandboxMessages, "message")} gone from the sandbox, {counted(what.responses, "response")}{" "}
      without words, {counted(what.lists, "list")} of drafts removed, out of{" "}
      {counted(what.savedLists, "saved list")}.
      {what.beingSent > 0 &&
        ` ${counted(what.beingSent, "email")} is at a mail server this moment: erase once more in a minute.`}
    </Alert>
  );
}
