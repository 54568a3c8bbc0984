import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ComponentType } from "react";
import { meQuery } from "@/api/queries";
import { PageHeader } from "@/components/PageHeader";
import { Audit } from "@/components/settings/Audit";
import { Keys } from "@/components/settings/Keys";
import { Password } from "@/components/settings/Password";
import { People } from "@/components/settings/People";
import { Recipients } from "@/components/settings/Recipients";
import { Sessions } from "@/components/settings/Sessions";
import classes from "@/components/settings/Settings.module.css";
import { Webhooks } from "@/components/settings/Webhooks";
import { SECTIONS, type Section } from "@/lib/places";

const PARTS: Readonly<Record<Section, { label: string; part: ComponentType }>> = {
  password: { label: "Password", part: Password },
  sessions: { label: "Sessions", part: Sessions },
  keys: { label: "API keys", part: Keys },
  webhooks: { label: "Webhooks", part: Webhooks },
  recipients: { label: "Recipients’ data", part: Recipients },
  audit: { label: "Audit log", part: Audit },
  people: { label: "People", part: People },
};

const route = getRouteApi("/inside/settings");

export function Settings() {
  const { section } = route.useSearch();
  const { data: me } = useQuery(meQuery);
  const sections = SECTIONS.filter((each) => each !== "people" || me?.isAdmin);
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
