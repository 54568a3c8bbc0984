import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { sendersQuery } from "@/features/senders/queries";
import classes from "./EmailFilters.module.css";

interface Props {
  value: number | undefined;
  onChange: (value: number | undefined) => void;
}

/** From which sender; nothing where there is one alone. */
export function SenderFilter({ value, onChange }: Props) {
  const { data } = useQuery(sendersQuery());
  const senders = data?.items ?? [];
  if (senders.length < 2 && value === undefined) return null;
  return (
    <Select
      className={classes.select ?? ""}
      aria-label="Sender"
      placeholder="All senders"
      data={senders.map((sender) => ({ value: `${sender.id}`, label: sender.email }))}
      value={value === undefined ? null : `${value}`}
      onChange={(picked) => onChange(picked === null ? undefined : Number(picked))}
      searchable
      clearable
      nothingFoundMessage="No sender is called that"
      clearButtonProps={{ "aria-label": "All senders" }}
    />
  );
}
