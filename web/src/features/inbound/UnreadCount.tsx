import { VisuallyHidden } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { count } from "@/ui/numbers";
import { unreadQuery } from "./queries";
import classes from "./UnreadCount.module.css";

/** How many replies nobody has read yet; nothing where there are none. Messages by machines are not counted. */
export function UnreadCount() {
  const { data } = useQuery(unreadQuery());
  const n = data?.REPLY ?? 0;
  if (n === 0) return null;
  return (
    <span className={classes.count}>
      {n > 999 ? "999+" : count(n)}
      <VisuallyHidden> unread</VisuallyHidden>
    </span>
  );
}
