import {
  Checkbox,
  Collapse,
  Group,
  NumberInput,
  PasswordInput,
  Select,
  Stack,
  Switch,
  TextInput,
} from "@mantine/core";
import { LIMITS } from "@/api/constants";
import { INBOX_SECURITIES } from "./providers";

interface Props {
  /** The props that an input needs from the form. */
  field: (name: string) => object;
  /** The same for a checkbox. */
  checkbox: (name: string) => object;
  reads: boolean;
  onReads: (reads: boolean) => void;
  /** A password for reading is stored, and goes on being used. */
  keepsPassword: boolean;
}

/** Where a mailbox is read, so that answers, bounces and opt-outs are found. */
export function InboxFields({ field, checkbox, reads, onReads, keepsPassword }: Props) {
  return (
    <Stack gap="xs">
      <Switch
        label="Read what comes back"
        description="Over IMAP: answers, bounces, people who want no more. Nothing in the mailbox is changed."
        checked={reads}
        onChange={(event) => onReads(event.currentTarget.checked)}
      />
      <Collapse expanded={reads}>
        <Stack>
          <TextInput label="Host for reading" autoComplete="off" spellCheck={false} {...field("imapHost")} />
          <Group grow align="flex-start">
            <NumberInput
              label="Port for reading"
              {...LIMITS.ImapServer.port}
              allowDecimal={false}
              hideControls
              {...field("imapPort")}
            />
            <Select
              label="Security for reading"
              allowDeselect={false}
              data={[...INBOX_SECURITIES]}
              {...field("imapSecurity")}
            />
          </Group>
          <TextInput
            label="Login name for reading"
            description="Empty: the login is the one for sending."
            autoComplete="off"
            spellCheck={false}
            {...field("imapUsername")}
          />
          <PasswordInput
            label="Password for reading"
            description={
              keepsPassword
                ? "One is stored, encrypted. Leave this empty to keep it."
                : "Only with a login name of its own. Stored encrypted."
            }
            autoComplete="new-password"
            {...field("imapPassword")}
          />
          <Checkbox
            label="Put copies of what is sent into Sent"
            description="Only where the check of the sender has shown that its server keeps none."
            {...checkbox("copyToSent")}
          />
        </Stack>
      </Collapse>
    </Stack>
  );
}
