import "@mantine/notifications/styles.layer.css";
import { Notifications } from "@mantine/notifications";

/** What was done and what failed, in a corner; what is said before this is here is shown once it is. */
export function Notices() {
  return <Notifications position="bottom-right" />;
}
