import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { AuditPanel } from "@/features/accounts/AuditPanel";
import { KeysPanel } from "@/features/accounts/KeysPanel";
import { PasswordPanel } from "@/features/accounts/PasswordPanel";
import { meQuery } from "@/features/accounts/queries";
import { SessionsPanel } from "@/features/accounts/SessionsPanel";
import { PeoplePanel } from "@/features/operations/people/PeoplePanel";
import { RecipientsPanel } from "@/features/recipients/RecipientsPanel";
import { WebhooksPanel } from "@/features/webhooks/WebhooksPanel";
import { MembersPanel } from "@/features/workspaces/MembersPanel";
import { covers } from "@/features/workspaces/words";
import { PageHeader } from "@/ui/PageHeader";
import classes from "./SettingsPage.module.css";
import { SECTIONS, type Section } from "./settingsSearch";

const PARTS: Readonly<Record<Section, { label: string; part: ComponentType }>> = {
  password: { label: "Password", part: PasswordPanel },
  sessions: { label: "Sessions", part: SessionsPanel },
  members: { label: "Members", part: MembersPanel },
  keys: { label: "API keys", part: KeysPanel },
  webhooks: { label: "Webhooks", part: WebhooksPanel },
  recipients: { label: "Recipients’ data", part: RecipientsPanel },
  audit: { label: "Audit log", part: AuditPanel },
  people: { label: "People", part: PeoplePanel },
};

/** Sections that only an owner of the workspace may read. */
const OWNERS: readonly Section[] = ["keys", "webhooks", "recipients"];

const route = getRouteApi("/inside/settings");

export function SettingsPage() {
  const { section } = route.useSearch();
  const { data: me } = useQuery(meQuery);
  const sections = SECTIONS.filter(
    (each) =>
      (each !== "people" || me?.isAdmin) &&
      (!OWNERS.includes(each) || (me !== undefined && covers(me.role, "owner"))),
  );
  const current = sections.find((each) => each === section) ?? "password";
  const { label, part: Part } = PARTS[current];
  return (
    <>
      <PageHeader
        title="Settings"
        documentTitle={section ? `${label} · Settings` : "Settings"}
        description={
          me && `Your account ${me.email}${me.isAdmin ? ", which administers this installation" : ""}.`
        }
      />
      <div className={classes.layout}>
        <nav className={classes.nav} aria-label="Settings">
          {sections.map((each) => (
            <Link
              key={each}
              to="/settings"
              search={{ section: each }}
              className={classes.link}
              activeProps={{ "aria-current": undefined }}
              aria-current={each === current ? "true" : undefined}
            >
              {PARTS[each].label}
            </Link>
          ))}
        </nav>
        <div>
          <Part />
        </div>
      </div>
    </>
  );
}
