import { Autocomplete } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useState } from "react";
import { LIMITS } from "@/api/constants";
import { labelsQuery } from "@/features/inbound/queries";
import { LABELS } from "@/features/inbound/words";

interface Props {
  value: string | null;
  /** "": none. Only told of what is another than it was. */
  onChange: (label: string) => void;
}

/** One of the usual labels, one that is in use, or one's own: taken by Enter or by leaving the field. */
export function LabelField({ value, onChange }: Props) {
  const { data } = useQuery(labelsQuery());
  const [text, setText] = useState(value ?? "");
  const take = (label: string) => {
    const next = label.trim();
    setText(next);
    if (next !== (value ?? "")) onChange(next);
  };
  return (
    <Autocomplete
      size="xs"
      w={150}
      aria-label="Label"
      placeholder="Label"
      data={[...new Set([...LABELS, ...(data ?? []).map(({ label }) => label)])]}
      maxLength={LIMITS.ResponseUpdate.label.maxLength}
      value={text}
      onChange={setText}
      onOptionSubmit={take}
      onBlur={() => take(text)}
      wrapperProps={{
        // Around the input, which has chosen by then what was marked in its list.
        onKeyDown: (event: KeyboardEvent) => {
          if (event.key === "Enter" && !event.defaultPrevented) take(text);
        },
      }}
    />
  );
}
