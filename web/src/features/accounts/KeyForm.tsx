import { Button, Checkbox, NativeSelect, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { type ApiKey, LIFETIMES, SCOPES, type Scope } from "./apiKeys";
import { makeKey } from "./commands";

/** The name of a new key, what it may do and until when. */
export function KeyForm({ done }: { done: (key: ApiKey) => void }) {
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { name: "", scopes: ["read", "send"] as Scope[], lifetime: "90" },
    validate: {
      name: isNotEmpty("Say what the key is for."),
      scopes: (scopes) => (scopes.length > 0 ? null : "A key must be allowed something."),
    },
    send: makeKey,
    changes: [keys.apiKeys()],
    done,
    names: { expiresAt: "lifetime" },
  });
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <TextInput
            label="What it is for"
            placeholder="Newsletter script"
            maxLength={LIMITS.KeyBody.name.maxLength}
            autoComplete="off"
            key={form.key("name")}
            {...form.getInputProps("name")}
          />
          <NativeSelect
            label="Expires"
            data={[...LIFETIMES]}
            key={form.key("lifetime")}
            {...form.getInputProps("lifetime")}
          />
        </SimpleGrid>
        <Checkbox.Group label="What it may do" key={form.key("scopes")} {...form.getInputProps("scopes")}>
          <Stack gap={8} mt={4}>
            {SCOPES.map(({ value, label, description }) => (
              <Checkbox key={value} value={value} label={label} description={description} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
          Make the key
        </Button>
      </Stack>
    </form>
  );
}
