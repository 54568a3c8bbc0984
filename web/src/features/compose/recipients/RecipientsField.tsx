import { SegmentedControl, Stack, Text, Textarea } from "@mantine/core";
import type { Rejected } from "@/api/problem";
import { LeftOut, type LeftOutRow } from "@/features/recipients/LeftOut";
import { csvOfPaste } from "@/features/recipients/typed";
import { count } from "@/ui/numbers";
import classes from "../compose.module.css";
import type { Audience } from "../draft/draft";
import type { Plan } from "../queries";
import { CsvField } from "./CsvField";
import type { CsvFile } from "./useCsvFile";
import type { Recipients } from "./useRecipients";

interface Props {
  audience: Audience;
  onChange: (part: Partial<Audience>) => void;
  file: CsvFile;
  recipients: Recipients;
  /** Of these recipients, once the API has looked at them. */
  plan: Plan | undefined;
  /** Refused all, when it refused all of them. */
  rejected: readonly Rejected[];
  error: string | undefined;
}

/** Who gets it: typed, pasted or from a CSV, with what is left out and why. */
export function RecipientsField({ audience, onChange, file, recipients, plan, rejected, error }: Props) {
  const refused = plan?.rejected ?? rejected;
  const rows: LeftOutRow[] = [
    ...refused
      .slice(0, 1_000)
      .map(({ row, email, reason }) => ({ row: recipients.rowOf(row), email, reason })),
    ...recipients.duplicates.slice(0, 1_000).map(({ row, email, first }) => ({
      row,
      email,
      reason: `Is in ${recipients.rowWord.toLowerCase()} ${count(first)} already.`,
    })),
  ];
  rows.sort((a, b) => a.row - b.row);
  const known = plan?.accepted ?? (rejected.length > 0 ? 0 : null);
  return (
    <Stack gap="md">
      <SegmentedControl
        aria-label="Where the recipients come from"
        data={[
          { value: "typed", label: "Type or paste" },
          { value: "file", label: "CSV file" },
        ]}
        value={audience.source}
        onChange={(source) => onChange({ source: source as Audience["source"] })}
      />
      {audience.source === "typed" ? (
        <Textarea
          label="Addresses"
          description="One a line or with commas between. “Ada <ada@example.com>” brings the merge field name."
          rows={7}
          value={audience.typed}
          spellCheck={false}
          onChange={(event) => onChange({ typed: event.currentTarget.value })}
          onPaste={(event) => {
            const list = pastedList(event.clipboardData.getData("text/plain"));
            if (list === null) return;
            event.preventDefault();
            onChange({ source: "file" });
            file.choose(list);
          }}
          error={error}
        />
      ) : (
        <CsvField file={file} fileName={audience.fileName} error={error} />
      )}
      {recipients.count > 0 && (
        <dl className={classes.figures} aria-label="Recipients">
          <Figure name="Accepted" value={known} />
          <Figure
            name="Duplicates"
            value={plan?.duplicates ?? (known === null ? null : recipients.duplicates.length)}
          />
          <Figure name="Rejected" value={known === null ? null : refused.length} />
        </dl>
      )}
      <LeftOut
        rows={rows}
        total={(plan?.duplicates ?? recipients.duplicates.length) + refused.length}
        rowWord={recipients.rowWord}
      />
    </Stack>
  );
}

/** Browsers take minutes to lay out a text of many thousand lines: a list of that size is read as a file. */
const LARGEST_PASTE = 200_000;

function pastedList(text: string): File | null {
  if (text.length < LARGEST_PASTE) return null;
  return new File([csvOfPaste(text)], "pasted.csv", { type: "text/csv" });
}

function Figure({ name, value }: { name: string; value: number | null }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value === null ? (
          <Text span c="dimmed" inherit aria-label="not known yet">
            –
          </Text>
        ) : (
          count(value)
        )}
      </dd>
    </div>
  );
}
