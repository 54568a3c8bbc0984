import { useInfiniteQuery } from "@tanstack/react-query";
import { AuditLog } from "./AuditLog";
import { auditQuery } from "./queries";

export function AuditPanel() {
  return (
    <AuditLog
      title="Audit log"
      description="Who did what in this workspace and to your account, newest first, and from where."
      query={useInfiniteQuery(auditQuery())}
    />
  );
}
