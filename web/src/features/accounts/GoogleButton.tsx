import { Button, Divider } from "@mantine/core";
import { IconBrandGoogleFilled } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { waysQuery } from "./queries";

interface Props {
  label: string;
  /** The token of an invitation's link. */
  invitation?: string | undefined;
  /** A path of ours to go to after the login. */
  next?: string | undefined;
}

/** Login with Google, with a line under it; nothing where that is not set up. */
export function GoogleButton({ label, invitation, next }: Props) {
  const { data: ways } = useQuery(waysQuery);
  if (!ways?.google) return null;
  const query = new URLSearchParams({ ...(invitation && { invitation }), ...(next && { next }) });
  return (
    <>
      <Button
        component="a"
        href={`/api/auth/google${query.size > 0 ? `?${query}` : ""}`}
        variant="default"
        size="md"
        leftSection={<IconBrandGoogleFilled size={17} aria-hidden />}
      >
        {label}
      </Button>
      <Divider label="or with a password" labelPosition="center" />
    </>
  );
}
