import { Alert } from "@mantine/core";
import { IconLock } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { AnchorLink } from "@/ui/links";
import { AuthLayout } from "./AuthLayout";
import { waysQuery } from "./queries";
import { RegisterForm } from "./RegisterForm";

const route = getRouteApi("/register");

export function RegisterPage() {
  const { invitation, email } = route.useSearch();
  const { data: ways } = useQuery(waysQuery);
  const closed = ways?.registration === false && !invitation;
  return (
    <AuthLayout
      title="Make an account"
      description={
        invitation
          ? email
            ? `You have been invited, at ${email}. The invitation is for this address alone.`
            : "You have been invited. Use the address that the invitation was made for, if it was made for one."
          : undefined
      }
      footer={
        <>
          Have an account already? <AnchorLink to="/login">Log in</AnchorLink>
        </>
      }
    >
      {closed ? (
        <Alert color="orange" icon={<IconLock aria-hidden />}>
          Registration is closed here. Ask the administrator for an invitation, and open its link.
        </Alert>
      ) : (
        <RegisterForm button="Make the account" invitation={invitation} email={email} />
      )}
    </AuthLayout>
  );
}
