import { Button, Menu, Popover, Stack, TextInput } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate, useRouter } from "@tanstack/react-router";
import { type RefObject, useEffect, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";
import { campaignQuery } from "@/features/campaigns/queries";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { asName } from "../asName";
import { keptOf } from "../content/kept";
import { type Content, type Draft, hasContent } from "../draft/draft";
import { hasText } from "../draft/request";
import type { Saved } from "../draft/useKeptDraft";
import { keepTemplate } from "../templates/commands";
import { templateQuery, templatesQuery } from "../templates/queries";
import { asCampaign, asTemplate, type Beginning } from "./beginnings";

interface Props {
  draft: Draft;
  /** The draft as of this moment, drawn or not. */
  now: () => Draft;
  saveNow: () => Promise<Saved>;
  /** A file of recipients is. */
  isOnItsWay: boolean;
  onStart: (draft: Draft) => void;
  /** While one is read and nothing may be written that it would take the place of. */
  onBusy: (isBusy: boolean) => void;
  disabled: boolean;
  /** Whether it has begun as the address says: it does once. */
  begun: RefObject<boolean>;
}

const route = getRouteApi("/inside/compose");

/** Begins the draft as a template or a campaign, also one that the address names; keeps its text as a template. */
export function StartFrom(props: Props) {
  const { draft, now, saveNow, isOnItsWay, onStart, onBusy, disabled, begun } = props;
  const [{ content }] = draft.steps;
  const { template, campaign, list } = route.useSearch();
  const navigate = useNavigate();
  const router = useRouter();
  const queries = useQueryClient();
  const { data: templates } = useQuery(templatesQuery());
  const isWritten = Boolean(content.subject || hasText(content));
  const start = useCommand({
    run: async (from: { template: number } | { campaign: number; list?: number | undefined }) => {
      onBusy(true);
      try {
        const beginning =
          "template" in from
            ? asTemplate(await queries.fetchQuery(templateQuery(from.template)))
            : asCampaign(await queries.fetchQuery(campaignQuery(from.campaign)), from.list);
        const saved = await saveNow();
        const isNothing = saved.isWhole && !hasContent(now()) && !isOnItsWay;
        const isSure = isNothing || (await askToReplace(beginning, now(), saved, isOnItsWay));
        return isSure ? beginning.of(now()) : null;
      } finally {
        onBusy(false);
      }
    },
    done: (begun) => begun && onStart(begun),
    failed: "The draft stays as it is",
  });
  useEffect(() => {
    const from = template !== undefined ? { template } : campaign !== undefined ? { campaign, list } : null;
    if (!from || begun.current) return;
    begun.current = true;
    void start.run(from).then(() => {
      if (router.state.location.pathname !== "/compose") return; // left meanwhile
      return navigate({ to: "/compose", search: {}, replace: true, ignoreBlocker: true });
    });
  });
  return (
    <>
      {templates && templates.items.length > 0 && (
        <Menu position="bottom-start" withinPortal>
          <Menu.Target>
            <Button
              variant="default"
              size="xs"
              loading={start.pending}
              disabled={disabled}
              rightSection={<IconChevronDown size={14} aria-hidden />}
            >
              Start from a template
            </Button>
          </Menu.Target>
          <Menu.Dropdown mah={320} style={{ overflowY: "auto" }}>
            {templates.items.map(({ id, name: label }) => (
              <Menu.Item key={id} onClick={() => void start.run({ template: id })}>
                {label}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      {isWritten && <Keep content={content} name={draft.name} />}
    </>
  );
}

function Keep({ content, name }: { content: Content; name: string }) {
  const [isOpen, setOpen] = useState(false);
  const [called, setCalled] = useState("");
  const keeping = useCommand({
    run: (label: string) => keepTemplate({ ...keptOf(content), name: label }),
    changes: [keys.templates.all()],
    done: () => setOpen(false),
    said: (template) => `“${template.name}” is kept as a template.`,
    failed: () => undefined, // it is said at the name
  });
  const keep = () => void keeping.run(called.trim());
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-start" trapFocus withinPortal>
      <Popover.Target>
        <Button
          variant="default"
          size="xs"
          onClick={() => {
            setCalled(name || asName(content.subject));
            setOpen(!isOpen);
          }}
        >
          Keep the text as a template
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <TextInput
            label="Name of the template"
            value={called}
            maxLength={LIMITS.TemplateBody.name.maxLength}
            data-autofocus
            onChange={(event) => setCalled(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault(); // it would schedule the campaign
              keep();
            }}
            error={keeping.error ? sentence(keeping.error) : undefined}
          />
          <Button size="xs" loading={keeping.pending} disabled={!called.trim()} onClick={keep}>
            Keep it
          </Button>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

const GOES: Readonly<Record<Beginning["takes"], string>> = {
  text: "Subject, message, files, variants and follow-ups of this draft go. Its name, recipients, senders and times stay.",
  "all but recipients":
    "Name, subject, message, files, variants, follow-ups, senders and times of this draft go. Its recipients stay.",
  all: "Name, subject, message, files, variants, follow-ups, senders and times of this draft go, and its recipients: another list takes their place.",
};

function askToReplace(
  { takes }: Beginning,
  draft: Draft,
  { isSaved, isWhole }: Saved,
  isOnItsWay: boolean,
): Promise<boolean> {
  const stays = isSaved
    ? "It stays among the drafts as it is now."
    : "It stays among the drafts as it was saved last, without what was changed since.";
  const said = [
    GOES[takes],
    draft.keptAs && stays,
    isOnItsWay && "The file that is on its way is not taken over.",
    !isWhole && "Addresses that were typed and could not be saved are lost.",
  ];
  return confirm({
    title: "Replace what you have written?",
    children: said.filter(Boolean).join(" "),
    confirm: "Replace",
    cancel: "Keep mine",
  });
}
