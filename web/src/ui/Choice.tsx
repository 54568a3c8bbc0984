import { Button, Group } from "@mantine/core";
import { count } from "./numbers";

interface Option<T> {
  value: T;
  label: string;
  /** How many there are of it, where that is known. */
  n?: number | undefined;
}

interface Props<T> {
  /** The name of the choice, for those who hear it. */
  label: string;
  options: ReadonlyArray<Option<T>>;
  value: T;
  onChange: (value: T) => void;
}

/** One of a few, side by side. */
export function Choice<T>({ label, options, value, onChange }: Props<T>) {
  return (
    <Group role="group" aria-label={label} gap={6}>
      {options.map((option) => (
        <Button
          key={option.label}
          size="compact-md"
          radius="xl"
          px={12}
          fw={500}
          variant={option.value === value ? "filled" : "default"}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
          {option.n !== undefined && <span className="tabular">&nbsp;{count(option.n)}</span>}
        </Button>
      ))}
    </Group>
  );
}
