import { ActionIcon, Anchor, Button, Group, Select, Stack, TagsInput, Text } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type Condition, savedListsQuery } from "@/features/recipients/queries";
import { FormFailure } from "@/forms/FormFailure";
import { counted } from "@/ui/numbers";
import type { Audience } from "../draft/draft";

interface Props {
  audience: Audience;
  onChange: (part: Partial<Audience>) => void;
  error: string | undefined;
}

const IS: ReadonlyArray<{ value: Condition["is"]; label: string }> = [
  { value: "equals", label: "is" },
  { value: "not", label: "is not" },
  { value: "contains", label: "contains" },
  { value: "empty", label: "is empty" },
  { value: "filled", label: "is filled" },
];

/** A list that is kept by name, and who of it. */
export function SavedField({ audience, onChange, error }: Props) {
  const { data } = useQuery(savedListsQuery());
  const lists = data?.items ?? [];
  const chosen = lists.find(({ id }) => id === audience.saved);
  const { filter } = audience;
  const change = (at: number, part: Partial<Condition>) =>
    onChange({ filter: filter.map((each, index) => (index === at ? { ...each, ...part } : each)) });
  if (data && lists.length === 0) {
    return (
      <Text size="sm">
        No list is kept yet.{" "}
        <Anchor component={Link} to="/lists" inherit>
          Make one
        </Anchor>
      </Text>
    );
  }
  const fields = ["email", ...(chosen?.fields ?? [])];
  return (
    <Stack gap="sm">
      <Select
        label="List"
        placeholder="Choose a list"
        data={lists.map(({ id, name }) => ({ value: `${id}`, label: name }))}
        value={chosen ? `${chosen.id}` : null}
        searchable
        allowDeselect={false}
        nothingFoundMessage="No list is called that"
        onChange={(id) => id && onChange({ saved: Number(id), filter: [] })}
        description={chosen && `${counted(chosen.recipients, "recipient")}. The campaign takes a copy.`}
      />
      {audience.saved !== null && data && !chosen && <Text size="sm">The list is no longer there.</Text>}
      {filter.map((condition, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a condition is its place
        <Group key={at} gap="xs" align="flex-end" wrap="wrap">
          <Select
            aria-label={`Field of condition ${at + 1}`}
            data={fields}
            value={condition.field}
            allowDeselect={false}
            w={150}
            onChange={(field) => field && change(at, { field })}
          />
          <Select
            aria-label={`Comparison of condition ${at + 1}`}
            data={[...IS]}
            value={condition.is}
            allowDeselect={false}
            w={120}
            onChange={(is) =>
              is &&
              change(at, {
                is: is as Condition["is"],
                ...(is === "empty" || is === "filled" ? { values: [] } : {}),
              })
            }
          />
          {condition.is !== "empty" && condition.is !== "filled" && (
            <TagsInput
              aria-label={`Values of condition ${at + 1}`}
              placeholder="One or more values"
              value={condition.values}
              acceptValueOnBlur
              flex="1 1 160px"
              onChange={(values) => change(at, { values })}
            />
          )}
          <ActionIcon
            variant="subtle"
            color="gray"
            mb={4}
            aria-label={`Remove condition ${at + 1}`}
            onClick={() => onChange({ filter: filter.filter((_, index) => index !== at) })}
          >
            <IconX size={16} aria-hidden />
          </ActionIcon>
        </Group>
      ))}
      {chosen && (
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<IconPlus size={14} aria-hidden />}
          style={{ alignSelf: "flex-start" }}
          onClick={() =>
            onChange({
              filter: [...filter, { field: chosen.fields[0] ?? "email", is: "equals", values: [] }],
            })
          }
        >
          Only those whose field …
        </Button>
      )}
      <FormFailure text={error ?? null} />
    </Stack>
  );
}
