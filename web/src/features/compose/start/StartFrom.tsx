import { Button, Menu, Popover, Stack, TextInput } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { LIMITS } from "@/api/constants";
import { keys } from "@/api/keys";
import { sentence } from "@/api/problem";
import { campaignQuery } from "@/features/campaigns/queries";
import { useCommand } from "@/forms/useCommand";
import { confirm } from "@/ui/confirm";
import { asName } from "../asName";
import { keptOf } from "../content/kept";
import type { Content } from "../draft/draft";
import { hasText } from "../draft/request";
import { keepTemplate } from "../templates/commands";
import { templateQuery, templatesQuery } from "../templates/queries";
import { asCampaign, asTemplate, type Beginning } from "./beginnings";

interface Props {
  content: Content;
  name: string;
  onStart: (beginning: Beginning) => void;
}

const route = getRouteApi("/inside/compose");

/** Begins the draft as a template or a campaign, also one that the address names; keeps its text as a template. */
export function StartFrom({ content, name, onStart }: Props) {
  const { template, campaign, list } = route.useSearch();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { data: templates } = useQuery(templatesQuery());
  const isWritten = Boolean(content.subject || hasText(content));
  const start = useCommand({
    run: async (from: { template: number } | { campaign: number; list?: number | undefined }) => {
      if (isWritten && !(await askToReplace())) return null;
      return "template" in from
        ? asTemplate(await queries.fetchQuery(templateQuery(from.template)))
        : asCampaign(await queries.fetchQuery(campaignQuery(from.campaign)), from.list);
    },
    done: (beginning) => beginning && onStart(beginning),
    failed: "The draft stays as it is",
  });
  const begun = useRef(false);
  useEffect(() => {
    const from = template !== undefined ? { template } : campaign !== undefined ? { campaign, list } : null;
    if (!from || begun.current) return;
    begun.current = true;
    void start
      .run(from)
      .then(() => navigate({ to: "/compose", search: {}, replace: true, ignoreBlocker: true }));
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
      {isWritten && <Keep content={content} name={name} />}
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

function askToReplace(): Promise<boolean> {
  return confirm({
    title: "Replace what you have written?",
    children: "The subject and the text of this draft become those of the other. Recipients stay.",
    confirm: "Replace",
    cancel: "Keep mine",
  });
}
