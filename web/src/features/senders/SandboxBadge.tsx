import { Badge } from "@mantine/core";

/** Beside what goes to the sandbox alone. */
export function SandboxBadge() {
  return (
    <Badge color="petrol" variant="outline" flex="none">
      Sandbox
    </Badge>
  );
}
