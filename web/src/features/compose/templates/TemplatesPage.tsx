import { ActionIcon, Drawer, Group, Paper, Skeleton, Stack, Text } from "@mantine/core";
import { IconPlus, IconTemplate, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMay } from "@/features/workspaces/useMay";
import { Time } from "@/time/Time";
import { EmptyState } from "@/ui/EmptyState";
import { ErrorState } from "@/ui/ErrorState";
import { FocusBack } from "@/ui/FocusBack";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { PageHeader } from "@/ui/PageHeader";
import { useFind } from "@/ui/useFind";
import { useDeleteTemplate } from "./commands";
import { templateQuery, templatesQuery } from "./queries";
import { TemplateForm } from "./TemplateForm";

const route = getRouteApi("/inside/templates");

/** The texts that the workspace keeps, to begin campaigns with. */
export function TemplatesPage() {
  const { edit } = route.useSearch();
  const navigate = useNavigate();
  const mayChange = useMay("member");
  const { data, error, refetch } = useQuery(templatesQuery());
  const { found, field } = useFind(
    data?.items ?? [],
    "Search templates",
    ({ name, subject }) => `${name} ${subject}`,
  );
  const removal = useDeleteTemplate();
  const close = () => navigate({ to: "/templates", search: {} });
  const add = mayChange && (
    <ButtonLink to="/templates" search={{ edit: "new" }} leftSection={<IconPlus size={17} aria-hidden />}>
      New template
    </ButtonLink>
  );
  return (
    <>
      <PageHeader
        title="Templates"
        description="Texts to begin campaigns with. A campaign has its own copy."
        actions={add}
      />
      {error && !data ? (
        <ErrorState error={error} retry={refetch} />
      ) : !data ? (
        <Skeleton height={158} radius="lg" aria-label="Loading" />
      ) : data.items.length === 0 ? (
        <EmptyState icon={IconTemplate} title="No template yet" action={add}>
          Write one here, or keep the text of a campaign while you compose it.
        </EmptyState>
      ) : (
        <Stack gap="sm">
          {field}
          {found.length === 0 && <Text c="dimmed">No template is called that.</Text>}
          {found.map(({ id, name, subject, updatedAt }) => (
            <Paper key={id} withBorder radius="lg" p="md" component="article" aria-label={name}>
              <Group justify="space-between" wrap="nowrap">
                <div style={{ minWidth: 0 }}>
                  <AnchorLink to="/templates" search={{ edit: id }} fw={620}>
                    {name}
                  </AnchorLink>
                  <Text size="sm" c="dimmed" truncate>
                    {subject || "No subject"} · changed <Time value={updatedAt} />
                  </Text>
                </div>
                {mayChange && (
                  <Group gap={6} wrap="nowrap">
                    <ButtonLink to="/compose" search={{ template: id }} variant="default" size="xs">
                      Use
                    </ButtonLink>
                    <ActionIcon
                      variant="default"
                      size={30}
                      c="var(--mantine-color-error)"
                      aria-label={`Delete ${name}`}
                      loading={removal.input?.id === id}
                      onClick={() => removal.ask({ id, name })}
                    >
                      <IconTrash size={16} aria-hidden />
                    </ActionIcon>
                  </Group>
                )}
              </Group>
            </Paper>
          ))}
        </Stack>
      )}
      <Drawer
        opened={edit !== undefined}
        onClose={close}
        position="right"
        size={720}
        title={
          <Text fw={620} size="lg" component="span">
            {edit === "new" ? "New template" : "Edit the template"}
          </Text>
        }
        closeButtonProps={{ "aria-label": "Close" }}
      >
        <FocusBack />
        {edit === "new" && (
          <TemplateForm template={undefined} mayChange={mayChange} done={close} beginAnew={close} />
        )}
        {typeof edit === "number" && <Edited key={edit} id={edit} mayChange={mayChange} done={close} />}
      </Drawer>
    </>
  );
}

function Edited({ id, mayChange, done }: { id: number; mayChange: boolean; done: () => void }) {
  const { data, error, refetch, isFetchedAfterMount } = useQuery({
    ...templateQuery(id),
    refetchOnMount: "always", // also what was read this moment: the fields begin with what is asked for from here
    refetchOnWindowFocus: false,
  });
  const [times, setTimes] = useState(0); // that the fields began: what is written is not taken away by a newer one
  if (error && !data) return <ErrorState error={error} what="template" retry={refetch} />;
  if (!data || !isFetchedAfterMount) return <Skeleton height={240} aria-label="Loading" />;
  const beginAnew = async () => {
    await refetch();
    setTimes(times + 1);
  };
  return <TemplateForm key={times} template={data} mayChange={mayChange} done={done} beginAnew={beginAnew} />;
}
