import { Group, Skeleton, Stack } from "@mantine/core";

/** A page whose code is on its way. */
export function PageSkeleton() {
  return (
    <Stack gap="md" role="group" aria-busy="true" aria-label="Loading">
      <Skeleton height={30} width={220} />
      <Skeleton height={18} width="min(420px, 80%)" mb="sm" />
      <TableSkeleton rows={6} />
    </Stack>
  );
}

/** Rows of the height that a table's rows will have. */
export function TableSkeleton({ rows = 8 }: { rows?: number }) {
  return (
    <Stack gap={1} role="group" aria-busy="true" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows without content have nothing else
        <Group key={row} h={44} gap="md" wrap="nowrap">
          <Skeleton height={14} flex={2} />
          <Skeleton height={14} flex={1} />
          <Skeleton height={14} flex={1} visibleFrom="sm" />
        </Group>
      ))}
    </Stack>
  );
}
