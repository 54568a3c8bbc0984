import { Alert, Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { isNotEmpty } from "@mantine/form";
import { IconAlertCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { VALUES } from "@/api/constants";
import { FormFailure } from "@/forms/FormFailure";
import { AnchorLink } from "@/ui/links";
import { AuthLayout } from "./AuthLayout";
import { logIn } from "./commands";
import { GoogleButton } from "./GoogleButton";
import { waysQuery } from "./queries";
import { useEntry } from "./useEntry";

const route = getRouteApi("/login");

type Failure = (typeof VALUES.LoginFailure.error)[number];

/** Why a login with Google led back here. */
const REASONS: Readonly<Record<Failure, string>> = {
  cancelled: "The login with Google was cancelled.",
  expired: "The login with Google took too long, or was begun in another browser. Please try again.",
  unverified:
    "Google does not vouch for your email address. Verify it there, use an account of your organization, or log in with a password.",
  domain: "Accounts of your address's domain may not log in here. Ask the administrator which may.",
  closed: "Registration is closed here. Ask the administrator for an invitation, and open its link.",
  disabled: "This account is disabled. Ask the administrator.",
  busy: "Too many logins were begun from here. Please wait a quarter of an hour.",
  failed: "The login with Google failed. Please try again; the service's log says why.",
};

export function LoginPage() {
  const { next, error } = route.useSearch();
  const { data: ways } = useQuery(waysQuery);
  const { form, submit, pending, failure } = useEntry({
    initialValues: { email: "", password: "" },
    validate: { email: isNotEmpty("Give your email address."), password: isNotEmpty("Give your password.") },
    enter: logIn,
    next,
  });
  return (
    <AuthLayout
      title="Log in"
      description={next ? "Then you go on to the page you asked for." : undefined}
      footer={
        ways?.registration && (
          <>
            No account yet? <AnchorLink to={ways.firstRun ? "/welcome" : "/register"}>Make one</AnchorLink>
          </>
        )
      }
    >
      {error && (
        <Alert color="orange" icon={<IconAlertCircle aria-hidden />} role="alert">
          {REASONS[VALUES.LoginFailure.error.find((code) => code === error) ?? "failed"]}
        </Alert>
      )}
      <GoogleButton label="Log in with Google" next={next} />
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
            autoComplete="current-password"
            size="md"
            key={form.key("password")}
            {...form.getInputProps("password")}
          />
          <Button type="submit" size="md" loading={pending}>
            Log in
          </Button>
          <AnchorLink to="/reset-password" size="sm" ta="center">
            Forgot the password?
          </AnchorLink>
        </Stack>
      </form>
    </AuthLayout>
  );
}
