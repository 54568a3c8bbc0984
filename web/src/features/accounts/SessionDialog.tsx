import { Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { readRoleAnew } from "@/api/role";
import { type Lost, session, type User } from "@/api/session";
import { FormFailure } from "@/forms/FormFailure";
import { useCommand } from "@/forms/useCommand";
import { useSubmit } from "@/forms/useSubmit";
import { FocusBack } from "@/ui/FocusBack";
import { logIn, selectAgain } from "./commands";
import { waysQuery, whoNowQuery } from "./queries";

const TITLES: Readonly<Record<Lost, string>> = {
  expired: "Log in again",
  taken: "Somebody else has logged in",
};

/**
 * Over any page when its session has expired, or somebody else has logged in in another tab: log in again, and what was
 * asked for goes on where it was. A login in another tab is heard of by the session itself.
 */
export function SessionDialog() {
  const { user, lost } = useSyncExternalStore(session.subscribe, session.get);
  const { data: now } = useQuery({ ...whoNowQuery, enabled: lost === "taken" });
  const moved = lost === "taken" && now !== undefined && now.id === user?.id;
  return (
    <Modal
      opened={lost !== null}
      onClose={() => undefined}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      title={moved ? "You have changed the workspace" : TITLES[lost ?? "expired"]}
      zIndex={500}
    >
      <FocusBack />
      {user && lost && (moved ? <GoBack user={user} now={now} /> : <LoginAgain user={user} lost={lost} />)}
    </Modal>
  );
}

/** The page goes on, as whom its person is now: their role may have changed meanwhile. */
function useGoOn() {
  const queries = useQueryClient();
  return (user: User) => {
    session.begin(user);
    void readRoleAnew(queries);
  };
}

/** They are the same person, who has gone to another workspace in another tab. */
function GoBack({ user, now }: { user: User; now: User }) {
  const goOn = useGoOn();
  const { run, pending } = useCommand({ run: () => selectAgain(now, user.workspaceId), done: goOn });
  return (
    <Stack>
      <Text>
        All tabs of a browser are in one workspace, and in another tab you have gone to{" "}
        <strong>{now.workspaceName}</strong>. This page is about <strong>{user.workspaceName}</strong>: go
        back there and nothing here is lost.
      </Text>
      <Group justify="space-between">
        {/* The page is loaded anew: it must not show one workspace's data in another. */}
        <Button component="a" href="/" variant="subtle" color="gray">
          Go on in {now.workspaceName}
        </Button>
        <Button loading={pending} onClick={() => run()}>
          Back to {user.workspaceName}
        </Button>
      </Group>
    </Stack>
  );
}

function LoginAgain({ user, lost }: { user: User; lost: Lost }) {
  const { data: ways } = useQuery(waysQuery);
  const goOn = useGoOn();
  const { form, submit, pending, failure } = useSubmit({
    initialValues: { password: "" },
    send: async ({ password }) => {
      const now = await logIn({ email: user.email, password });
      return now.workspaceId === user.workspaceId ? now : await selectAgain(now, user.workspaceId);
    },
    done: goOn,
  });
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>
          {lost === "expired"
            ? "Your session has ended. "
            : "All tabs of a browser have one login, and in another tab it is somebody else’s now. "}
          Log in as <strong>{user.email}</strong> and go on where you were: nothing is lost.
        </Text>
        <FormFailure text={failure} />
        <input type="email" autoComplete="username" value={user.email} readOnly hidden />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          data-autofocus
          key={form.key("password")}
          {...form.getInputProps("password")}
        />
        {ways?.google && (
          <Text size="sm" c="dimmed">
            With Google:{" "}
            <a href="/api/auth/google" target="_blank" rel="noreferrer">
              log in in a new tab
            </a>
            , and this page goes on by itself.
          </Text>
        )}
        <Group justify="space-between">
          {/* The page is loaded anew: it must not show one account's data to another. */}
          {lost === "expired" ? (
            <Button component="a" href="/login" variant="subtle" color="gray">
              Use another account
            </Button>
          ) : (
            <Button component="a" href="/" variant="subtle" color="gray">
              Go on as whoever that is
            </Button>
          )}
          <Button type="submit" loading={pending}>
            Log in
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
