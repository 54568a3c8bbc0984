import { Alert, Button, Stack } from "@mantine/core";
import { IconMailShare } from "@tabler/icons-react";
import { CopyField } from "@/ui/CopyField";

interface Props {
  /** Whose the invitation is; null: whoever has the link. */
  email: string | null;
  /** The page that the link leads to, with the token. */
  path: string;
  done: () => void;
}

/** An invitation, into the workspace or to the installation, with the link that is shown this once. */
export function InvitationMade({ email, path, done }: Props) {
  return (
    <Stack>
      <Alert color="petrol" icon={<IconMailShare aria-hidden />} role="status" title="The invitation is made">
        Copy the link and hand it over yourself: nothing is mailed. It is shown this once.
      </Alert>
      <CopyField label={email ? `Link for ${email}` : "Link"} value={`${location.origin}${path}`} />
      <Button variant="default" onClick={done} style={{ alignSelf: "flex-start" }}>
        I have copied it
      </Button>
    </Stack>
  );
}
