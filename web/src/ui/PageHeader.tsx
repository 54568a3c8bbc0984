import { Box, Group, Text, Title } from "@mantine/core";
import { Fragment, type ReactNode } from "react";
import { useDocumentTitle } from "./useDocumentTitle";

interface Props {
  title: string;
  /** For the browser's tab, where it is more than `title`. */
  documentTitle?: string;
  /** A line under the title: what this page is for. */
  description?: ReactNode;
  /** Buttons at the right, or below where it is narrow. */
  actions?: ReactNode;
}

/** The head of a page: the only h1, and the browser's title. */
export function PageHeader({ title, documentTitle = title, description, actions }: Props) {
  useDocumentTitle(documentTitle);
  return (
    <Group justify="space-between" align="flex-start" gap="sm" mb="lg">
      <Box flex="1 1 260px" miw={0}>
        <Title order={1} lts="-0.015em" style={{ overflowWrap: "anywhere" }}>
          {title.split(/(?<=@)/).map((part) => (
            <Fragment key={part}>
              {part}
              <wbr />
            </Fragment>
          ))}
        </Title>
        {description && (
          <Text c="dimmed" mt={4} maw={720}>
            {description}
          </Text>
        )}
      </Box>
      {actions && <Group gap="xs">{actions}</Group>}
    </Group>
  );
}
