import { Button, FileButton, Group, Text } from "@mantine/core";
import { addressOf } from "@/api/client";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { count, counted } from "@/ui/numbers";
import { Row } from "@/ui/Panel";
import { addFile, type Grown, removeSavedList } from "./commands";
import type { SavedList } from "./queries";

interface Props {
  list: SavedList;
  mayChange: boolean;
  edit: () => void;
}

export function SavedListRow({ list, mayChange, edit }: Props) {
  const changes = [keys.savedLists.all()];
  const adding = useCommand({
    run: (file: File) => addFile(list.id, file),
    changes,
    said: grownWords,
    failed: "The file was not added",
  });
  const removing = useCommand({
    run: () => removeSavedList(list.id),
    changes,
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
            <FileButton
              onChange={(file) => file && void adding.run(file)}
              accept=".csv,.tsv,.txt,.xlsx,.xls,.ods"
              inputProps={{ "aria-label": `File to add to ${list.name}` }}
            >
              {(props) => (
                <Button {...props} variant="default" size="compact-sm" loading={adding.pending}>
                  Add a file
                </Button>
              )}
            </FileButton>
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
    >
      {adding.pending && (
        <Text size="sm" c="dimmed" role="status">
          Reading the file.
        </Text>
      )}
    </Row>
  );
}

function grownWords({ added, updated, rejected, duplicates, repaired }: Grown): string {
  const others = [
    rejected.length > 0 && `${count(rejected.length)} refused`,
    duplicates > 0 && `${counted(duplicates, "duplicate")}`,
    repaired > 0 && `${count(repaired)} repaired`,
  ].filter(Boolean);
  return `${counted(added, "recipient")} added, ${count(updated)} updated${others.length > 0 ? `; ${others.join(", ")}` : ""}.`;
}
