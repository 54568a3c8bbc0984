import { Alert, Button, Code, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { IconMailCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { FormFailure } from "@/forms/FormFailure";
import { useSubmit } from "@/forms/useSubmit";
import { AnchorLink } from "@/ui/links";
import { AuthLayout } from "./AuthLayout";
import { askForReset, resetPassword } from "./commands";
import { newPassword, PASSWORD_HINT, revoked } from "./passwords";
import { waysQuery } from "./queries";

const route = getRouteApi("/reset-password");

/** Without a token it asks for the link, with the link's token it sets the password. */
export function ResetPasswordPage() {
  const { token } = route.useSearch();
  return token ? <SetPassword token={token} /> : <AskForLink />;
}

const back = <AnchorLink to="/login">Back to the login</AnchorLink>;

function AskForLink() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  const { data: ways } = useQuery(waysQuery);
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { email: "" },
    validate: { email: isNotEmpty("Give your email address.") },
    send: askForReset,
    done: (_answer, { email }) => setSentTo(email),
  });
  if (sentTo) {
    return (
      <AuthLayout title="Look into your inbox" footer={back}>
        <Alert color="petrol" icon={<IconMailCheck aria-hidden />} role="status">
          If <strong>{sentTo}</strong> has an account here, a link to a new password is on its way there. It
          is good for one hour.
        </Alert>
        {ways?.sandbox && (
          <Text size="sm" mt="md">
            This installation has no mail server of its own (SMTP_HOST), so the mail does not leave it. The
            link is in its log; whoever runs it can hand it to you, or set a password with{" "}
            <Code>reachinbox set-password</Code>. So can an administrator, with a link from Settings, People.
          </Text>
        )}
      </AuthLayout>
    );
  }
  return (
    <AuthLayout title="Forgot the password?" description="You get a link to a new one by mail." footer={back}>
      <form onSubmit={submit} noValidate>
        <Stack>
          <FormFailure text={failure} />
          <TextInput
            label="Email address"
            type="email"
            autoComplete="username"
            size="md"
            key={form.key("email")}
            {...form.getInputProps("email")}
          />
          <Button type="submit" size="md" loading={pending}>
            Send me the link
          </Button>
        </Stack>
      </form>
    </AuthLayout>
  );
}

function SetPassword({ token }: { token: string }) {
  const navigate = useNavigate();
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { password: "" },
    validate: { password: newPassword },
    send: ({ password }) => resetPassword({ token, password }),
    done: () => navigate({ to: "/login", search: {} }),
    said: ({ keysRevoked }) =>
      `Your new password is set. Log in with it.${keysRevoked ? ` ${revoked(keysRevoked)}` : ""}`,
  });
  return (
    <AuthLayout
      title="Set a new password"
      description="You are then logged out everywhere else, and your API keys and open invitations stop working."
      footer={
        <AnchorLink to="/reset-password" search={{}}>
          Ask for a new link
        </AnchorLink>
      }
    >
      <form onSubmit={submit} noValidate>
        <Stack>
          <FormFailure text={failure} />
          <PasswordInput
            label="New password"
            description={PASSWORD_HINT}
            autoComplete="new-password"
            size="md"
            key={form.key("password")}
            {...form.getInputProps("password")}
          />
          <Button type="submit" size="md" loading={pending}>
            Set the password
          </Button>
        </Stack>
      </form>
    </AuthLayout>
  );
}
