import { Box } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { EmptyState } from "@/ui/EmptyState";
import { ButtonLink } from "@/ui/links";
import { useDocumentTitle } from "@/ui/useDocumentTitle";

export function NotFound() {
  useDocumentTitle("Not found");
  return (
    <Box component="main" maw={640} mx="auto" my="xl" p="md">
      <EmptyState
        order={1}
        icon={IconMapOff}
        title="There is no page here"
        action={<ButtonLink to="/">Go to your campaigns</ButtonLink>}
      >
        The link may be old, or part of it may have been lost.
      </EmptyState>
    </Box>
  );
}
