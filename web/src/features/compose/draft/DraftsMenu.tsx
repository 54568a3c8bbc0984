import { ActionIcon, Button, Group, Menu, Text } from "@mantine/core";
import { IconChevronDown, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { keys } from "@/api/keys";
import { useCommand } from "@/forms/useCommand";
import { Time } from "@/time/Time";
import { confirm } from "@/ui/confirm";
import { type Draft, hasContent } from "./draft";
import { draftsQuery, readDraft, removeDraft } from "./onServer";
import { isDraft } from "./shape";
import type { Keeping, useKeptDraft } from "./useKeptDraft";

interface Props extends Omit<ReturnType<typeof useKeptDraft>, "scheduled"> {
  draft: Draft;
  /** A file of recipients is. */
  isOnItsWay: boolean;
  onOpen: (draft: Draft) => void;
  /** While one is opened and nothing may be written that it would take the place of. */
  onBusy: (isBusy: boolean) => void;
  disabled: boolean;
}

/** The drafts that the workspace shares: this one kept among them, and another one opened. */
export function DraftsMenu(props: Props) {
  const { draft, isOnItsWay, onOpen, onBusy, disabled, keptAs, keeping, ...kept } = props;
  const { data } = useQuery(draftsQuery());
  const keep = useCommand({
    run: async () => {
      if (keeping === "changed" && !(await askForAnother())) return null;
      return kept.saveAnew();
    },
    changes: [keys.drafts()],
    said: (kept) => (kept ? `“${kept.name}” is saved for the workspace.` : "Nothing is saved."),
    failed: "The draft is not saved",
  });
  const open = useCommand({
    run: async (id: number) => {
      onBusy(true);
      try {
        const { isSaved } = await kept.saveNow();
        if ((!isSaved || isOnItsWay) && !(await askToReplace(keptAs !== null))) return null;
        const there = await readDraft(id);
        if (!isDraft(there.content)) throw new Error("It was written by another version of this page.");
        return there;
      } finally {
        onBusy(false);
      }
    },
    done: (there) => there && onOpen(kept.opened(there)),
    failed: "The draft cannot be opened",
  });
  const remove = useCommand({
    run: ({ id, version }: { id: number; version: number }) => removeDraft(id, version),
    changes: [keys.drafts()],
    done: (_, { id }) => kept.removed(id),
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
              disabled={disabled}
              rightSection={<IconChevronDown size={14} aria-hidden />}
            >
              Drafts
            </Button>
          </Menu.Target>
          <Menu.Dropdown mah={360} maw="min(420px, calc(100vw - 32px))" style={{ overflowY: "auto" }}>
            {drafts.map(({ id, name, version, changedAt, changedBy }) => (
              <Group key={id} gap={4} wrap="nowrap">
                <Menu.Item miw={0} style={{ overflowWrap: "anywhere" }} onClick={() => void open.run(id)}>
                  {name}
                  <Text size="xs" c="dimmed">
                    {changedBy ?? "somebody"}, <Time value={changedAt} />
                  </Text>
                </Menu.Item>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Delete the draft ${name}`}
                  onClick={async () => (await askToDelete(name)) && remove.run({ id, version })}
                >
                  <IconTrash size={15} aria-hidden />
                </ActionIcon>
              </Group>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {hasContent(draft) && (keptAs === null || keeping === "changed") && (
        <Button
          variant="default"
          size="xs"
          loading={keep.pending}
          disabled={disabled}
          onClick={() => void keep.run()}
        >
          {keptAs === null ? "Save as a draft" : "Save it as another draft"}
        </Button>
      )}
      {keptAs !== null && (
        <Text size="sm" c={WRONG.has(keeping) ? "var(--mantine-color-error)" : "dimmed"} role="status">
          {KEEPING[keeping]}
        </Text>
      )}
    </>
  );
}

const KEEPING: Readonly<Record<Keeping, string>> = {
  saved: "The draft is saved.",
  saving: "The draft is being saved …",
  unsaved: "The draft is not saved: the service did not take it. It is tried again with the next change.",
  changed: "Somebody else saved this draft meanwhile, so yours is in this browser alone.",
};
const WRONG: ReadonlySet<Keeping> = new Set(["unsaved", "changed"]);

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

function askToReplace(isKept: boolean): Promise<boolean> {
  return confirm({
    title: "Open another draft?",
    children: isKept
      ? "Not all that stands here could be saved: the draft stays as it was saved last, and what was changed since is gone."
      : "What stands here now is gone: it is not among the drafts.",
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
