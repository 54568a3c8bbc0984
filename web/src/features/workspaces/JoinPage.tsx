import { Alert, Button, Stack, Text } from "@mantine/core";
import { IconLinkOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { sentence } from "@/api/problem";
import { AuthLayout } from "@/features/accounts/AuthLayout";
import { meQuery } from "@/features/accounts/queries";
import { useCommand } from "@/forms/useCommand";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { acceptInvitation } from "./commands";
import { useEnterWorkspace } from "./useEnterWorkspace";

const route = getRouteApi("/join");

/** Where the link of an invitation into a workspace leads. */
export function JoinPage() {
  const { token } = route.useSearch();
  // Asked by the route already, which knows it when nobody is logged in.
  const { data: me } = useQuery({ ...meQuery, enabled: false });
  if (!token) {
    return (
      <AuthLayout title="Join a workspace">
        <Alert color="orange" icon={<IconLinkOff aria-hidden />}>
          Part of the link was lost. Open it once more as you were given it, or ask for a new one.
        </Alert>
      </AuthLayout>
    );
  }
  return me ? <Accept token={token} email={me.email} /> : <GetIn token={token} />;
}

function Accept({ token, email }: { token: string; email: string }) {
  const enter = useEnterWorkspace();
  const { run, pending, error } = useCommand({
    run: () => acceptInvitation(token),
    done: enter,
    said: ({ workspaceName }) => `You are in ${workspaceName} now.`,
    failed: () => undefined, // it stands over the button
  });
  return (
    <AuthLayout
      title="Join a workspace"
      description="You have been invited into a workspace. What is in your own stays as it is, and you can go from one to the other."
      footer={
        <>
          Is that not you?{" "}
          <AnchorLink to="/login" search={{ next: `/join?${new URLSearchParams({ token })}` }}>
            Log in as somebody else
          </AnchorLink>
        </>
      }
    >
      <Stack>
        {error && (
          <Alert color="red" role="alert">
            {sentence(error)}
          </Alert>
        )}
        <Text style={{ overflowWrap: "anywhere" }}>
          You are logged in as <strong>{email}</strong>.
        </Text>
        <Button size="md" loading={pending} onClick={() => run()}>
          Join
        </Button>
        <ButtonLink to="/" variant="default">
          Not now
        </ButtonLink>
      </Stack>
    </AuthLayout>
  );
}

function GetIn({ token }: { token: string }) {
  return (
    <AuthLayout
      title="Join a workspace"
      description="You have been invited into a workspace. Make an account with the link, or log in to yours."
    >
      <Stack>
        <ButtonLink to="/register" search={{ invitation: token }} size="md">
          Make an account
        </ButtonLink>
        <ButtonLink
          to="/login"
          search={{ next: `/join?${new URLSearchParams({ token })}` }}
          size="md"
          variant="default"
        >
          Log in
        </ButtonLink>
      </Stack>
    </AuthLayout>
  );
}
