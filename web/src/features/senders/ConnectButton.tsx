import { Button, type ButtonProps } from "@mantine/core";
import { IconPlugConnected } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { addressOf } from "@/api/client";
import { connectPath } from "./connecting";
import { mailProvidersQuery } from "./queries";

interface Props extends ButtonProps {
  provider: string;
  /** The mailbox to connect again. */
  senderId?: number;
}

/** The way to a provider, by its name; nothing where connecting there is not set up. */
export function ConnectButton({ provider, senderId, ...button }: Props) {
  const { data: providers } = useQuery(mailProvidersQuery());
  const known = providers?.find(({ name }) => name === provider);
  if (!known) return null;
  return (
    <Button
      component="a"
      href={addressOf(connectPath(provider, senderId))}
      leftSection={<IconPlugConnected size={15} aria-hidden />}
      {...button}
    >
      {senderId === undefined ? `Connect with ${known.label}` : `Connect again with ${known.label}`}
    </Button>
  );
}
