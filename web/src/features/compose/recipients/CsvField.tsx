import "@mantine/dropzone/styles.layer.css";
import { Alert, Button, Group, Progress, Stack, Text } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileSpreadsheet, IconUpload, IconX } from "@tabler/icons-react";
import { useRef } from "react";
import { FormFailure } from "@/forms/FormFailure";
import { count, counted } from "@/ui/numbers";
import classes from "../compose.module.css";
import { ColumnMapping } from "./ColumnMapping";
import type { CsvFile } from "./useCsvFile";

interface Props {
  file: CsvFile;
  fileName: string | null;
  error: string | undefined;
}

/** A CSV, dropped or chosen, and what its columns are. */
export function CsvField({ file, fileName, error }: Props) {
  const open = useRef<() => void>(null);
  const { csv, share } = file;
  return (
    <Stack gap="sm">
      {!file.file && (
        <Dropzone
          onDrop={([dropped]) => dropped && file.choose(dropped)}
          openRef={open}
          multiple={false}
          activateOnClick={false}
          activateOnKeyboard={false}
          className={classes.drop ?? ""}
          inputProps={{ "aria-label": "CSV file" }}
          role="group"
          aria-label="Drop a CSV here"
          tabIndex={-1}
        >
          <Stack gap={8} align="center">
            <IconUpload size={24} stroke={1.6} aria-hidden />
            <Text>Drop a CSV here, with a column of addresses.</Text>
            <Button variant="default" onClick={() => open.current?.()} style={{ pointerEvents: "all" }}>
              Choose a file
            </Button>
          </Stack>
        </Dropzone>
      )}
      {file.lost && (
        <Alert color="orange" styles={{ message: { color: "inherit" } }} role="status">
          The file “{fileName}” could not be kept in this browser. Choose it again; its columns are
          remembered.
        </Alert>
      )}
      {file.file && (
        <Group gap="xs" wrap="nowrap">
          <IconFileSpreadsheet size={22} stroke={1.6} aria-hidden />
          <Text fw={550} truncate flex={1} title={file.file.name}>
            {file.file.name}
          </Text>
          <Button
            variant="subtle"
            color="gray"
            size="compact-sm"
            leftSection={<IconX size={14} aria-hidden />}
            onClick={file.remove}
          >
            Remove
          </Button>
        </Group>
      )}
      <div aria-live="polite">
        {share !== null && (
          <Progress.Root size="md" mb={4}>
            <Progress.Section value={Math.max(2, share * 100)} aria-label="Reading the file" />
          </Progress.Root>
        )}
        {(share !== null || csv) && (
          <Text size="sm" c="dimmed">
            {share !== null
              ? `Reading the file, ${count(Math.round(share * 100))} %.`
              : csv && `${counted(csv.rows, "row")}, ${csv.encoding}.`}
          </Text>
        )}
      </div>
      {file.file && !file.kept && (
        <Text size="sm" c="dimmed">
          This browser cannot keep a file of this size: after a reload you would have to choose it again.
        </Text>
      )}
      <FormFailure text={file.error ?? error ?? null} />
      {csv && file.mapping && <ColumnMapping csv={csv} mapping={file.mapping} onChange={file.map} />}
    </Stack>
  );
}
