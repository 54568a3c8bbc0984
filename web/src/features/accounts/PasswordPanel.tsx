import { Button, Checkbox, PasswordInput, Stack } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { Panel } from "@/ui/Panel";
import { changePassword } from "./commands";
import { newPassword, PASSWORD_HINT, revoked } from "./passwords";
import { meQuery, waysQuery } from "./queries";

const EMPTY = { currentPassword: "", newPassword: "", revokeKeys: false };

export function PasswordPanel() {
  const { data: me } = useQuery(meQuery);
  const { data: ways } = useQuery(waysQuery);
  const { form, submit, pending, failure } = useSubmit({
    initialValues: EMPTY,
    validate: { newPassword },
    send: changePassword,
    changes: [keys.sessions(), keys.apiKeys()],
    done: (): void => form.setValues(EMPTY),
    said: ({ keysRevoked }, { revokeKeys }) =>
      `Your password is changed. Everywhere else you are logged out.${revokeKeys ? ` ${revoked(keysRevoked)}` : ""}`,
  });
  return (
    <Panel
      title="Password"
      description="When it is changed, you stay logged in here and are logged out everywhere else."
    >
      <form onSubmit={submit} noValidate>
        <Stack maw={420}>
          <FormFailure text={failure} />
          <input type="email" autoComplete="username" value={me?.email ?? ""} readOnly hidden />
          <PasswordInput
            label="Current password"
            description={
              ways?.google ? "Leave it empty if you have logged in with Google alone so far." : undefined
            }
            autoComplete="current-password"
            key={form.key("currentPassword")}
            {...form.getInputProps("currentPassword")}
          />
          <PasswordInput
            label="New password"
            description={PASSWORD_HINT}
            autoComplete="new-password"
            key={form.key("newPassword")}
            {...form.getInputProps("newPassword")}
          />
          <Checkbox
            label="Revoke my API keys, too"
            description="All that you have made, in every workspace, and your open invitations. Choose it if somebody else may know the password."
            key={form.key("revokeKeys")}
            {...form.getInputProps("revokeKeys", { type: "checkbox" })}
          />
          <Button type="submit" loading={pending} style={{ alignSelf: "flex-start" }}>
            Change the password
          </Button>
        </Stack>
      </form>
    </Panel>
  );
}
