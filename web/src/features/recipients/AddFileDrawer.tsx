import { Button, Drawer, Group, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { skipToken, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { ApiProblem, sentence } from "@/api/problem";
import { useCommand } from "@/forms/useCommand";
import { FocusBack } from "@/ui/FocusBack";
import { count, counted } from "@/ui/numbers";
import { CsvField } from "./CsvField";
import { columnErrors } from "./columns";
import { growList } from "./commands";
import { LeftOut } from "./LeftOut";
import { type Grown, growthQuery, type MoreRecipients, type SavedList } from "./queries";
import { Repairs } from "./Repairs";
import { type Chosen, useFile } from "./useFile";

interface Props {
  list: SavedList;
  close: () => void;
}

const ASK_MS = 400;

/** A file is chosen, looked at as it was understood, and added to a list. */
export function AddFileDrawer({ list, close }: Props) {
  const [{ file: id, columns }, keep] = useState<Chosen>({ file: null, columns: null });
  const [everyAddress, setEveryAddress] = useState(false);
  const [correctDomains, setCorrections] = useState<Record<string, string>>({});
  const file = useFile(id, keep);
  const more: MoreRecipients | null =
    id === null ? null : { listId: id, columns, everyAddress, correctDomains };
  const [asked] = useDebouncedValue(more, ASK_MS);
  const isNamed = columns === null || Object.keys(columnErrors(columns)).length === 0;
  const isReady = isNamed && !file.uploading && more !== null;
  const isAsked = isReady && JSON.stringify(asked) === JSON.stringify(more);
  const growth = growthQuery(list.id, more ?? {});
  const { data, error } = useQuery(isAsked ? growth : { ...growth, queryFn: skipToken });
  const leave = () => {
    file.remove();
    close();
  };
  const adding = useCommand({
    run: (wanted: MoreRecipients) => growList(list.id, wanted),
    changes: [keys.savedLists.all()],
    done: leave,
    said: (grown) => `${words(grown)}.`,
    failed: "The file was not added",
  });
  const refused = data?.rejected ?? (error instanceof ApiProblem ? error.rejected : []);
  return (
    <Drawer
      opened
      onClose={leave}
      position="right"
      size={640}
      title={
        <Text fw={620} size="lg" component="span">
          Add a file to {list.name}
        </Text>
      }
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <FocusBack />
      <Stack>
        <CsvField
          file={file}
          columns={columns}
          onColumns={(changed) => keep({ file: id, columns: changed })}
          error={error ? sentence(error) : undefined}
        />
        {data && (
          <Repairs
            heard={data}
            rowWord="Row"
            rowOf={(row) => row}
            everyAddress={everyAddress}
            onEveryAddress={setEveryAddress}
            onCorrect={(corrections) => setCorrections({ ...correctDomains, ...corrections })}
          />
        )}
        <LeftOut rows={refused} total={refused.length} rowWord="Row" />
        {(id !== null || file.uploading) && (
          <Group>
            <Button disabled={!data} loading={adding.pending} onClick={() => more && void adding.run(more)}>
              {data ? `Add ${counted(data.added + data.updated, "recipient")}` : "Add"}
            </Button>
            <Text size="sm" c="dimmed" role="status">
              {data && `To be ${words(data)}.`}
            </Text>
          </Group>
        )}
      </Stack>
    </Drawer>
  );
}

function words({ added, updated, rejected, duplicates, repaired }: Grown): string {
  const others = [
    rejected.length > 0 && `${count(rejected.length)} refused`,
    duplicates > 0 && `${counted(duplicates, "duplicate")}`,
    repaired > 0 && `${count(repaired)} repaired`,
  ].filter(Boolean);
  const also = others.length > 0 ? `; ${others.join(", ")}` : "";
  return `${counted(added, "recipient")} added, ${count(updated)} updated${also}`;
}
