import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/features/accounts/queries";
import { covers, type Role } from "./words";

/** Whether the person logged in may do in this workspace what takes the role `needed`. The API decides; pages offer by this. */
export function useMay(needed: Role): boolean {
  const { data: me } = useQuery(meQuery);
  return me !== undefined && covers(me.role, needed);
}
