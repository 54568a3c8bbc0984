import { Button, Group } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useState } from "react";
import { sentence } from "@/api/problem";
import { useMay } from "@/features/workspaces/useMay";
import { FormFailure } from "@/forms/FormFailure";
import { useCommand } from "@/forms/useCommand";
import { Panel } from "@/ui/Panel";
import { downloadAllOf, type Erased, useErasure } from "../commands";
import { ErasedNotice } from "../ErasedNotice";

/** For owners: what is kept about a recipient, handed out or erased. */
export function PersonalData({ email }: { email: string }) {
  const isOwner = useMay("owner");
  const [erased, setErased] = useState<Erased | null>(null);
  const [failure, setFailure] = useState<string | null>(null);
  const download = useCommand({ run: () => downloadAllOf({ email }), failed: "It was not downloaded" });
  const erasure = useErasure(
    (_, what) => setErased(what),
    (error) => setFailure(sentence(error)),
  );
  if (!isOwner) return null;
  return (
    <Panel
      title="Their data"
      description="Everything kept about them, for when they ask (GDPR, articles 15 and 17)."
    >
      <FormFailure text={failure} />
      {erased && <ErasedNotice email={email} what={erased} />}
      <Group mt={failure || erased ? "md" : 0}>
        <Button
          variant="default"
          loading={download.pending}
          leftSection={<IconDownload size={16} aria-hidden />}
          onClick={() => void download.run()}
        >
          Download everything kept
        </Button>
        <Button
          color="red.9"
          loading={erasure.pending}
          onClick={() => {
            setFailure(null);
            void erasure.ask(email);
          }}
        >
          Erase
        </Button>
      </Group>
    </Panel>
  );
}
