import "@mantine/core/styles/Progress.layer.css";
import "@mantine/dropzone/styles.layer.css";
import { Alert, Button, Group, Progress, Select, Stack, Text } from "@mantine/core";
import { Dropzone } from "@mantine/dropzone";
import { IconFileSpreadsheet, IconUpload, IconX } from "@tabler/icons-react";
import { useRef } from "react";
import { FormFailure } from "@/forms/FormFailure";
import { counted } from "@/ui/numbers";
import { ColumnMapping } from "./ColumnMapping";
import classes from "./CsvField.module.css";
import { type Columns, rowsUnderHeader } from "./columns";
import { ENCODINGS } from "./encodings";
import type { ListFile } from "./useFile";

interface Props {
  file: ListFile;
  columns: Columns | null;
  onColumns: (columns: Columns) => void;
  error: string | undefined;
}

/** A file, dropped or chosen, and what its columns are. */
export function CsvField({ file, columns, onColumns, error }: Props) {
  const open = useRef<() => void>(null);
  const { list, uploading } = file;
  const name = uploading ?? list?.name;
  const csv = uploading ? null : list?.csv;
  const shown = columns ?? csv?.columns;
  return (
    <Stack gap="sm">
      {!uploading && !list && (
        <Dropzone
          onDrop={([dropped]) => dropped && file.choose(dropped)}
          openRef={open}
          multiple={false}
          activateOnClick={false}
          activateOnKeyboard={false}
          className={classes.drop ?? ""}
          inputProps={{ "aria-label": "CSV or Excel file" }}
          role="group"
          aria-label="Drop a file here"
          tabIndex={-1}
        >
          <Stack gap={8} align="center">
            <IconUpload size={24} stroke={1.6} aria-hidden />
            <Text>Drop a CSV or Excel file here, with a column of addresses.</Text>
            <Button variant="default" onClick={() => open.current?.()} style={{ pointerEvents: "all" }}>
              Choose a file
            </Button>
          </Stack>
        </Dropzone>
      )}
      {file.gone && (
        <Alert color="orange" styles={{ message: { color: "inherit" } }} role="status">
          The list is no longer kept: it was unused for a week, or somebody in it was erased. Choose it again.
        </Alert>
      )}
      {(uploading || list) && (
        <Group gap="xs" wrap="nowrap">
          <IconFileSpreadsheet size={22} stroke={1.6} aria-hidden />
          <Text fw={550} truncate flex={1} title={name ?? ""}>
            {name}
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
        {uploading && (
          <Progress.Root size="md" mb={4}>
            <Progress.Section value={100} striped animated aria-label="Uploading the file" />
          </Progress.Root>
        )}
        {uploading ? (
          <Text size="sm" c="dimmed">
            Uploading the file.
          </Text>
        ) : (
          list &&
          csv &&
          shown && (
            <Text size="sm" c="dimmed">
              {counted(rowsUnderHeader(list, shown), "row")},{" "}
              {csv.sheet ? `sheet “${csv.sheet}”` : csv.encoding}.
            </Text>
          )
        )}
      </div>
      <FormFailure text={file.error ?? error ?? null} />
      {csv && !csv.sheet && file.reread && (
        <Select
          label="Encoding"
          description="Another one, if letters below are not as they should be."
          data={[...ENCODINGS]}
          value={csv.encoding}
          allowDeselect={false}
          maw={280}
          onChange={(encoding) => encoding && encoding !== csv.encoding && file.reread?.(encoding)}
        />
      )}
      {csv?.hiddenRows ? (
        <Alert color="orange" styles={{ message: { color: "inherit" } }} role="status">
          {counted(csv.hiddenRows, "row")} of the sheet {csv.hiddenRows > 1 ? "are" : "is"} hidden, and left
          out. To write to {csv.hiddenRows > 1 ? "them" : "it"} as well, show{" "}
          {csv.hiddenRows > 1 ? "them" : "it"} in the workbook, and choose that again.
        </Alert>
      ) : null}
      {csv?.illRows && csv.illRows.length > 0 && (
        <Alert color="orange" styles={{ message: { color: "inherit" } }} role="status">
          {counted(csv.illRows.length, "row")} {csv.illRows.length > 1 ? "have" : "has"} bytes that are not
          UTF-8, read as Windows-1252: {csv.illRows.slice(0, 10).join(", ")}
          {csv.illRows.length > 10 && " and more"}.
        </Alert>
      )}
      {csv && shown && <ColumnMapping csv={csv} columns={shown} onChange={onColumns} />}
    </Stack>
  );
}
