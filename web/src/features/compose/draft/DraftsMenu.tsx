import { ActionIcon, Button, Group, Menu, Text } from "@mantine/core";
import { IconChevronDown, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { Time } from "@/time/Time";
import { confirm } from "@/ui/confirm";
import { type Draft, hasContent } from "./draft";
import {
  type Begun,
  begin,
  begunAs,
  draftsQuery,
  isOld,
  readDraft,
  removeDraft,
  saveDraft,
} from "./onServer";
import { isDraft } from "./shape";
import { load } from "./store";

interface Props {
  owner: string;
  draft: Draft;
  /** Ends once what is typed is a list. */
  settle: () => Promise<void>;
  onOpen: (draft: Draft) => void;
}

/** The drafts that the workspace shares: this one saved among them, and another one opened. */
export function DraftsMenu({ owner, draft, settle, onOpen }: Props) {
  const [begun, setBegun] = useState(() => begunAs(owner));
  const { data } = useQuery(draftsQuery());
  const become = (next: Begun | null) => {
    begin(owner, next);
    setBegun(next);
  };
  const keep = useCommand({
    run: async () => {
      await settle();
      const now = load(owner)?.draft ?? draft;
      try {
        return await saveDraft(now, nameOf(now), begun);
      } catch (error) {
        if (!isOld(error) || !(await askForAnother())) throw error;
        return saveDraft(now, nameOf(now), null);
      }
    },
    changes: [keys.drafts()],
    done: ({ id, version, name }) => become({ id, version, name }),
    said: ({ name }) => `“${name}” is saved for the workspace.`,
    failed: "The draft is not saved",
  });
  const open = useCommand({
    run: async (id: number) => {
      if (hasContent(draft) && !(await askToReplace())) return null;
      const kept = await readDraft(id);
      if (!isDraft(kept.content)) throw new Error("It was written by another version of this page.");
      return kept;
    },
    done: (kept) => {
      if (!kept) return;
      become(kept);
      onOpen(kept.content as unknown as Draft);
    },
    failed: "The draft cannot be opened",
  });
  const remove = useCommand({
    run: (id: number) => removeDraft(id),
    changes: [keys.drafts()],
    done: (_, id) => id === begun?.id && become(null),
    failed: "The draft is still there",
  });
  const drafts = data?.items ?? [];
  return (
    <>
      {drafts.length > 0 && (
        <Menu position="bottom-start" withinPortal>
          <Menu.Target>
            <Button
              variant="default"
              size="xs"
              loading={open.pending}
              rightSection={<IconChevronDown size={14} aria-hidden />}
            >
              Drafts
            </Button>
          </Menu.Target>
          <Menu.Dropdown mah={360} style={{ overflowY: "auto" }}>
            {drafts.map(({ id, name, changedAt, changedBy }) => (
              <Group key={id} gap={4} wrap="nowrap">
                <Menu.Item onClick={() => void open.run(id)}>
                  {name}
                  <Text size="xs" c="dimmed">
                    {changedBy ?? "somebody"}, <Time value={changedAt} />
                  </Text>
                </Menu.Item>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Delete the draft ${name}`}
                  onClick={async () => (await askToDelete(name)) && remove.run(id)}
                >
                  <IconTrash size={15} aria-hidden />
                </ActionIcon>
              </Group>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {hasContent(draft) && (
        <Button variant="default" size="xs" loading={keep.pending} onClick={() => void keep.run()}>
          {begun ? "Save the draft" : "Save as a draft"}
        </Button>
      )}
    </>
  );
}

function nameOf({ name, steps }: Draft): string {
  return (name.trim() || steps[0].content.subject.trim() || "Without a name").slice(0, 200);
}

function askForAnother(): Promise<boolean> {
  return confirm({
    title: "Somebody saved this draft meanwhile",
    children:
      "Theirs stays as it is. Yours can be saved as another one; or open theirs, and go on with that.",
    confirm: "Save mine as another",
    cancel: "Not now",
    danger: false,
  });
}

function askToReplace(): Promise<boolean> {
  return confirm({
    title: "Open another draft?",
    children: "What stands here now is gone, unless it was saved as a draft.",
    confirm: "Open it",
    cancel: "Keep mine",
  });
}

function askToDelete(name: string): Promise<boolean> {
  return confirm({
    title: `Delete the draft “${name}”?`,
    children: "It is gone for everybody in the workspace.",
    confirm: "Delete the draft",
  });
}
