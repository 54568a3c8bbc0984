import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/features/accounts/queries";
import { useMay } from "@/features/workspaces/useMay";
import classes from "./InstallationBanner.module.css";
import { alertsQuery } from "./queries";

/** Over every page, for those who can do something about it: this database was restored, copied or promoted, and nothing is sent. */
export function InstallationBanner() {
  const { data: me } = useQuery(meQuery);
  const owns = useMay("owner");
  const { data: alerts } = useQuery({ ...alertsQuery(), enabled: owns || me?.isAdmin === true });
  const found = alerts?.find((alert) => alert.kind === "installation.other");
  if (!found) return null;
  return (
    <div role="alert" className={classes.banner}>
      <IconAlertTriangle size={18} stroke={1.8} aria-hidden />
      <span>{found.message}</span>
    </div>
  );
}
