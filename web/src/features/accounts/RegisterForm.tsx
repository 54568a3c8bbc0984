import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { FormFailure } from "@/forms/FormFailure";
import { register } from "./commands";
import { GoogleButton } from "./GoogleButton";
import { newPassword, PASSWORD_HINT } from "./passwords";
import { useEntry } from "./useEntry";

interface Props {
  button: string;
  invitation?: string | undefined;
  /** The address that the invitation is for. */
  email?: string | undefined;
}

/** Makes an account and goes inside. */
export function RegisterForm({ button, invitation, email = "" }: Props) {
  const { form, submit, pending, failure } = useEntry({
    initialValues: { email, password: "" },
    validate: { email: isNotEmpty("Give your email address."), password: newPassword },
    enter: (body) => register({ ...body, invitation: invitation ?? null }),
  });
  return (
    <>
      <GoogleButton label="Go on with Google" invitation={invitation} />
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
          <PasswordInput
            label="Password"
            description={PASSWORD_HINT}
            autoComplete="new-password"
            size="md"
            key={form.key("password")}
            {...form.getInputProps("password")}
          />
          <Button type="submit" size="md" loading={pending}>
            {button}
          </Button>
        </Stack>
      </form>
    </>
  );
}
