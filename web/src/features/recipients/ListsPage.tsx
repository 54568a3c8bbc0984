import { Button, Drawer, Stack, Text } from "@mantine/core";
import { IconPlus, IconUsers } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useMay } from "@/features/workspaces/useMay";
import { useUnsaved } from "@/forms/useUnsaved";
import { EmptyState } from "@/ui/EmptyState";
import { Listing } from "@/ui/Listing";
import { PageHeader } from "@/ui/PageHeader";
import { Panel, Rows } from "@/ui/Panel";
import { useFind } from "@/ui/useFind";
import { AddFileDrawer } from "./AddFileDrawer";
import { type SavedList, savedListsQuery } from "./queries";
import { SavedListForm } from "./SavedListForm";
import { SavedListRow } from "./SavedListRow";

/** Recipients that are kept by name, for campaigns to come. */
export function ListsPage() {
  const query = useQuery(savedListsQuery());
  const { found, field } = useFind(query.data?.items ?? [], "Search lists", ({ name }) => name);
  const mayChange = useMay("member");
  const [edited, setEdited] = useState<SavedList | "new" | null>(null);
  const [grown, setGrown] = useState<SavedList | null>(null);
  const close = () => setEdited(null);
  const unsaved = useRef<() => boolean>(null);
  const leave = useUnsaved(() => unsaved.current?.() ?? false);
  const cancel = () => void leave(close);
  const add = mayChange && (
    <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setEdited("new")}>
      New list
    </Button>
  );
  return (
    <>
      <PageHeader
        title="Lists"
        description="Recipients that you keep by name. A campaign takes a copy of those that it is for."
        actions={add}
      />
      <Listing query={query}>
        {({ items }) =>
          items.length > 0 ? (
            <Stack>
              {field}
              {found.length === 0 ? (
                <Text c="dimmed">No list is called that.</Text>
              ) : (
                <Panel
                  rows={
                    <Rows label="Lists">
                      {found.map((list) => (
                        <SavedListRow
                          key={list.id}
                          list={list}
                          mayChange={mayChange}
                          edit={() => setEdited(list)}
                          grow={() => setGrown(list)}
                        />
                      ))}
                    </Rows>
                  }
                />
              )}
            </Stack>
          ) : (
            <EmptyState icon={IconUsers} title="No list yet" action={add}>
              Keep recipients by name, add files to them, and write to all of them or to those whose fields
              fit.
            </EmptyState>
          )
        }
      </Listing>
      <Drawer
        opened={edited !== null}
        onClose={cancel}
        position="right"
        size={480}
        title={
          <Text fw={620} size="lg" component="span">
            {edited === "new" ? "New list" : "About the list"}
          </Text>
        }
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {edited && (
          <Stack>
            <SavedListForm
              list={edited === "new" ? undefined : edited}
              done={close}
              cancel={cancel}
              unsaved={unsaved}
            />
          </Stack>
        )}
      </Drawer>
      {grown && <AddFileDrawer key={grown.id} list={grown} close={() => setGrown(null)} />}
    </>
  );
}
