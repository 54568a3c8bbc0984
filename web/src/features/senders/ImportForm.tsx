import "@mantine/core/styles/Table.layer.css";
import { Button, FileInput, Group, Stack, Table, Text } from "@mantine/core";
import { IconFileSpreadsheet } from "@tabler/icons-react";
import { useState } from "react";
import { keys } from "@/api/keys";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { counted } from "@/ui/numbers";
import { importSenders } from "./commands";
import { textOfFile } from "./fileText";
import type { Imported } from "./queries";

/** Several mailboxes from a CSV file, and which of its rows were refused and why. */
export function ImportForm({ done }: { done: () => unknown }) {
  const [file, setFile] = useState<File | null>(null);
  const [imported, setImported] = useState<Imported | null>(null);
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { csv: "" },
    validate: { csv: () => (file ? null : "Choose a file.") },
    send: async () => importSenders(file ? await textOfFile(file) : ""),
    changes: [keys.senders()],
    done: setImported,
    said: ({ created }) =>
      created.length === 0
        ? "No mailbox is added."
        : `${counted(created.length, "mailbox", "mailboxes")} added.`,
  });
  if (imported) {
    return (
      <Stack>
        <Text>
          {imported.created.length === 0
            ? "No mailbox is added."
            : `${counted(imported.created.length, "mailbox", "mailboxes")} added; each is verified now, one after the other.`}
        </Text>
        {imported.rejected.length > 0 && (
          <>
            <Text>Not added, as they are in the file:</Text>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Row</Table.Th>
                  <Table.Th>Why</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {imported.rejected.map(({ row, reason }) => (
                  <Table.Tr key={row}>
                    <Table.Td className="tabular">{row}</Table.Td>
                    <Table.Td>{reason}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </>
        )}
        <Group justify="flex-end">
          <Button onClick={done}>Close</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <FileInput
          label="CSV file"
          description="With columns email, host, port, username, password, dailyLimit and so on. At a provider that is known, email and password are enough. 500 rows at most."
          placeholder="Choose a file"
          accept=".csv,.tsv,.txt"
          leftSection={<IconFileSpreadsheet size={16} aria-hidden />}
          value={file}
          onChange={setFile}
          error={form.errors.csv}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={done}>
            Cancel
          </Button>
          <Button type="submit" loading={pending}>
            Add the mailboxes
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
