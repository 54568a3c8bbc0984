import { Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useQuery } from "@tanstack/react-query";
import { useState, useSyncExternalStore } from "react";
import { answer, api } from "@/api/client";
import { session, type User } from "@/api/session";
import { FormFailure } from "@/forms/FormFailure";
import { showProblem } from "@/forms/showProblem";
import { waysQuery } from "./queries";

/** Over any page when its session has expired: log in again, and what was asked for goes on where it was. */
export function SessionDialog() {
  const { user, expired } = useSyncExternalStore(session.subscribe, session.get);
  return (
    <Modal
      opened={expired}
      onClose={() => undefined}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
      title="Log in again"
      zIndex={500}
    >
      {user && <LoginAgain user={user} />}
    </Modal>
  );
}

function LoginAgain({ user }: { user: User }) {
  const { data: ways } = useQuery(waysQuery);
  const [failure, setFailure] = useState<string | null>(null);
  const [pending, setPending] = useState(false);
  const form = useForm({ mode: "uncontrolled", initialValues: { password: "" } });

  const run = async (work: () => Promise<User>) => {
    setPending(true);
    setFailure(null);
    try {
      const back = await work();
      if (back.id === user.id) session.begin(back);
      else location.assign("/"); // another account's pages must not show this one's
    } catch (error) {
      setFailure(showProblem(form, error));
    } finally {
      setPending(false);
    }
  };
  const logIn = ({ password }: { password: string }) =>
    run(() => answer(api.POST("/api/auth/login", { body: { email: user.email, password } })));
  const logInElsewhere = () => run(whoIsLoggedIn);

  return (
    <form onSubmit={form.onSubmit(logIn)}>
      <Stack>
        <Text>
          Your session has ended. Log in as <strong>{user.email}</strong> and go on where you were: nothing is
          lost.
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
            , then{" "}
            <Button variant="subtle" size="compact-sm" onClick={logInElsewhere} disabled={pending}>
              go on here
            </Button>
          </Text>
        )}
        <Group justify="space-between">
          <Button component="a" href="/login" variant="subtle" color="gray">
            Use another account
          </Button>
          <Button type="submit" loading={pending}>
            Log in
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Not through the client, which would wait for this very dialog. */
async function whoIsLoggedIn(): Promise<User> {
  const response = await fetch("/api/auth/me");
  if (!response.ok) throw new Error("nobody is logged in yet; finish logging in in the other tab");
  return response.json();
}
