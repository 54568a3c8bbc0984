import { Button, Group } from "@mantine/core";
import { addressOf } from "@/api/client";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { counted } from "@/ui/numbers";
import { Row } from "@/ui/Panel";
import { removeSavedList } from "./commands";
import type { SavedList } from "./queries";

interface Props {
  list: SavedList;
  mayChange: boolean;
  edit: () => void;
  grow: () => void;
}

export function SavedListRow({ list, mayChange, edit, grow }: Props) {
  const removing = useCommand({
    run: () => removeSavedList(list.id),
    changes: [keys.savedLists.all()],
    said: () => `${list.name} is removed.`,
  });
  const remove = async () => {
    const sure = await confirm({
      title: `Remove ${list.name}?`,
      children: `Its ${counted(list.recipients, "recipient")} go with it. Campaigns that were made of it stay as they are.`,
      confirm: "Remove",
    });
    if (sure) await removing.run();
  };
  return (
    <Row
      title={list.name}
      facts={
        <>
          <span>{counted(list.recipients, "recipient")}</span>
          {list.fields.length > 0 && <span>{list.fields.join(", ")}</span>}
          {list.purpose && <span>For: {list.purpose}</span>}
          {list.source && <span>From: {list.source}</span>}
        </>
      }
      actions={
        <Group gap="xs">
          {mayChange && (
            <Button variant="default" size="compact-sm" onClick={grow}>
              Add a file
            </Button>
          )}
          <Button
            component="a"
            href={addressOf(`/api/saved-lists/${list.id}/export?spreadsheet=true`)}
            download
            variant="default"
            size="compact-sm"
          >
            CSV
          </Button>
          {mayChange && (
            <>
              <Button variant="default" size="compact-sm" onClick={edit}>
                Edit
              </Button>
              <Button
                variant="subtle"
                color="gray"
                size="compact-sm"
                loading={removing.pending}
                onClick={() => void remove()}
              >
                Remove
              </Button>
            </>
          )}
        </Group>
      }
    />
  );
}
