import { Button, Group, Modal, Stack, Text, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import type { ComponentProps, ReactNode } from "react";
import { FormFailure } from "@/forms/FormFailure";

interface ButtonProps {
  children: ReactNode;
  name?: string;
  size?: "compact-sm";
  title: string;
  form: (done: () => void) => ReactNode;
}

/** A button that asks, before anybody is written to again. */
export function AllowButton({ children, name, size, title, form }: ButtonProps) {
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <Button variant="default" size={size} onClick={open} aria-label={name}>
        {children}
      </Button>
      <Modal opened={opened} onClose={close} title={title}>
        {form(close)}
      </Modal>
    </>
  );
}

interface Props {
  text: ReactNode;
  keep: string;
  form: { key: (path: "why") => string; getInputProps: (path: "why") => object };
  submit: ComponentProps<"form">["onSubmit"];
  pending: boolean;
  failure: ComponentProps<typeof FormFailure>["text"];
  done: () => void;
  /** A list of the suppressions that end. */
  children?: ReactNode;
}

/** Ends suppressions, after asking why. */
export function AllowForm({ text, keep, form, submit, pending, failure, done, children }: Props) {
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        <FormFailure text={failure} />
        <Text>{text}</Text>
        {children}
        <TextInput
          label="Why"
          description="The audit log keeps it, with your name."
          maxLength={200}
          autoComplete="off"
          data-autofocus={!children}
          key={form.key("why")}
          {...form.getInputProps("why")}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={done}>
            {keep}
          </Button>
          <Button type="submit" loading={pending}>
            Allow again
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

export const isSaid = isNotEmpty("Say why they may be written to again.");
