import { useQuery } from "@tanstack/react-query";
import { meQuery } from "@/features/accounts/queries";
import { covers, type Role } from "./words";

/** Whether whoever is logged in may do here what takes a role. The API decides; this is for what is offered. */
export function useMay(needed: Role): boolean {
  const { data: me } = useQuery(meQuery);
  return me !== undefined && covers(me.role, needed);
}
