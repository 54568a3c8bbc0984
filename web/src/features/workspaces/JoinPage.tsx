import { Alert, Button, Skeleton, Stack, Text } from "@mantine/core";
import { IconLinkOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { ApiProblem, sentence } from "@/api/problem";
import { AuthLayout } from "@/features/accounts/AuthLayout";
import { meQuery } from "@/features/accounts/queries";
import { useCommand } from "@/forms/useCommand";
import { Time } from "@/time/Time";
import { ErrorState } from "@/ui/ErrorState";
import { Facts } from "@/ui/Facts";
import { AnchorLink, ButtonLink } from "@/ui/links";
import { acceptInvitation } from "./commands";
import { type Offer, offerQuery } from "./queries";
import { useEnterWorkspace } from "./useEnterWorkspace";
import { roleDescription, roleWords } from "./words";

const route = getRouteApi("/join");

/** Where the link of an invitation into a workspace leads. */
export function JoinPage() {
  const { token } = route.useSearch();
  // Asked by the route already, which knows it when nobody is logged in.
  const { data: me } = useQuery({ ...meQuery, enabled: false });
  if (!token) {
    return (
      <Nothing>
        Part of the link was lost. Open it once more as you were given it, or ask for a new one.
      </Nothing>
    );
  }
  return <Invited token={token} email={me?.email} />;
}

/** `email`: of whoever is logged in. */
function Invited({ token, email }: { token: string; email: string | undefined }) {
  const { data: offer, error, refetch } = useQuery(offerQuery(token));
  if (offer) return email ? <Accept {...{ token, email, offer }} /> : <GetIn {...{ token, offer }} />;
  if (error instanceof ApiProblem && error.status === 404) return <Nothing>{sentence(error)}</Nothing>;
  return (
    <AuthLayout title="Join a workspace">
      {error ? <ErrorState error={error} retry={() => refetch()} /> : <Skeleton height={220} radius="md" />}
    </AuthLayout>
  );
}

/** The link leads nowhere. */
function Nothing({ children }: { children: ReactNode }) {
  return (
    <AuthLayout title="Join a workspace">
      <Alert color="orange" icon={<IconLinkOff aria-hidden />} role="alert">
        {children}
      </Alert>
      <ButtonLink to="/" variant="default">
        Go to your campaigns
      </ButtonLink>
    </AuthLayout>
  );
}

function Offered({ offer }: { offer: Offer }) {
  return (
    <Facts
      facts={[
        ["Workspace", offer.workspaceName],
        ["Your role", `${roleWords(offer.role)}. ${roleDescription(offer.role)}`],
        ["Invited by", offer.invitedBy],
        ["Good until", <Time key="until" value={offer.expiresAt} />],
      ]}
    />
  );
}

function Accept({ token, email, offer }: { token: string; email: string; offer: Offer }) {
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
      description="What is in your own stays as it is, and you can go from one to the other."
      footer={
        <>
          Is that not you?{" "}
          <AnchorLink to="/login" search={{ next: `/join?${new URLSearchParams({ token })}` }}>
            Log in as somebody else
          </AnchorLink>
        </>
      }
    >
      <Offered offer={offer} />
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

function GetIn({ token, offer }: { token: string; offer: Offer }) {
  return (
    <AuthLayout title="Join a workspace" description="Make an account with the link, or log in to yours.">
      <Offered offer={offer} />
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
