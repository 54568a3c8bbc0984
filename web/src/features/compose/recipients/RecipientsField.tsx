import { SegmentedControl, Stack, Text, Textarea } from "@mantine/core";
import { useMemo } from "react";
import { type Rejected, sentence } from "@/api/problem";
import { CsvField } from "@/features/recipients/CsvField";
import { LeftOut } from "@/features/recipients/LeftOut";
import { Repairs } from "@/features/recipients/Repairs";
import { csvOfPaste, isTable } from "@/features/recipients/typed";
import type { ListFile } from "@/features/recipients/useFile";
import { count } from "@/ui/numbers";
import classes from "../compose.module.css";
import type { Audience } from "../draft/draft";
import type { Errors } from "../draft/errors";
import type { Plan } from "../queries";
import { EarlierFields } from "./EarlierFields";
import { leftOutCount, leftOutRows, unnamed } from "./leftOut";
import { SavedField } from "./SavedField";
import type { Recipients } from "./useRecipients";
import type { Typed } from "./useTyped";

interface Props {
  audience: Audience;
  onChange: (part: Partial<Audience>) => void;
  typed: Typed;
  file: ListFile;
  recipients: Recipients;
  /** Of these recipients, once the API has looked at them. */
  plan: Plan | undefined;
  /** Refused all, when it refused all of them. */
  rejected: readonly Rejected[];
  error: string | undefined;
  /** Of single fields. */
  errors: Errors;
}

/** The recipients: typed, pasted, from a file or a saved list, with what is left out and why, and what was repaired. */
export function RecipientsField({
  audience,
  onChange,
  typed,
  file,
  recipients,
  plan,
  rejected,
  error,
  errors,
}: Props) {
  const refused = plan?.rejected ?? rejected;
  const { rowOf, rowWord } = recipients;
  const rows = useMemo(
    () => leftOutRows(plan, rejected, { rowOf, rowWord }),
    [plan, rejected, rowOf, rowWord],
  );
  const { suppressed = 0, earlier = 0 } = plan ?? {};
  const isRefused = rejected.length > 0;
  return (
    <Stack gap="md">
      <SegmentedControl
        aria-label="Where the recipients come from"
        data={[
          { value: "typed", label: "Type or paste" },
          { value: "file", label: "File" },
          { value: "saved", label: "Saved list" },
        ]}
        value={audience.source}
        onChange={(source) => onChange({ source: source as Audience["source"] })}
      />
      {audience.source === "saved" && <SavedField audience={audience} onChange={onChange} error={error} />}
      {audience.source === "typed" && (
        <Textarea
          label="Addresses"
          description="One a line, or with commas or blanks between. “Ada <ada@example.com>” brings the merge field name."
          rows={7}
          value={typed.text}
          disabled={typed.isLoading}
          spellCheck={false}
          onChange={(event) => typed.write(event.currentTarget.value)}
          onPaste={(event) => {
            const list = pastedList(event.clipboardData.getData("text/plain"));
            if (list === null) return;
            event.preventDefault();
            onChange({ source: "file" });
            file.choose(list);
          }}
          error={typed.gone ? GONE : typed.error ? sentence(typed.error) : error}
        />
      )}
      {audience.source === "file" && (
        <CsvField
          file={file}
          columns={audience.columns}
          onColumns={(columns) => onChange({ columns })}
          error={error}
        />
      )}
      <EarlierFields audience={audience} onChange={onChange} errors={errors} />
      {recipients.count > 0 && (
        <dl className={classes.figures} aria-label="Recipients">
          <Figure name="Accepted" value={plan?.accepted ?? (isRefused ? 0 : null)} />
          <Figure name="Duplicates" value={plan?.duplicates ?? null} />
          <Figure name="Rejected" value={plan || isRefused ? refused.length : null} />
          {suppressed > 0 && <Figure name="Suppressed" value={suppressed} />}
          {earlier > 0 && <Figure name="Written to before" value={earlier} />}
        </dl>
      )}
      {plan && (
        <Repairs
          heard={plan}
          rowWord={recipients.rowWord}
          rowOf={recipients.rowOf}
          everyAddress={audience.everyAddress}
          onEveryAddress={(everyAddress) => onChange({ everyAddress })}
          onCorrect={(corrections) => onChange({ corrections: { ...audience.corrections, ...corrections } })}
        />
      )}
      <LeftOut
        rows={rows}
        total={plan ? leftOutCount(plan) : refused.length}
        unnamed={plan && unnamed(plan)}
        rowWord={recipients.rowWord}
      />
    </Stack>
  );
}

const GONE =
  "What was typed here is no longer kept: it was unused for a week, or somebody in it was erased. Type it again.";

/**
 * Browsers take minutes to lay out a text of many thousand lines: a list of that size is read as a file, and so are cells
 * of a spreadsheet, which have a header and columns.
 */
const LARGEST_PASTE = 200_000;

function pastedList(text: string): File | null {
  if (text.length < LARGEST_PASTE && !isTable(text)) return null;
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
