import "@mantine/notifications/styles.layer.css";
import { Notifications } from "@mantine/notifications";

/** Notices of success and failure, in a corner; those given before this has loaded are shown once it has. */
export function Notices() {
  return <Notifications position="bottom-right" />;
}
