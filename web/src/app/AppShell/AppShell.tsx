import { Badge, Burger, Button, Drawer, Group, Menu, Text, VisuallyHidden } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconAlertTriangle,
  IconCalendarWeek,
  IconClock,
  IconHandStop,
  IconInbox,
  IconLogout,
  IconMailbox,
  IconMessageReply,
  IconPencilPlus,
  IconSelector,
  IconSend,
  IconSettings,
  IconStack2,
  IconTemplate,
  IconUsers,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, type LinkProps, Outlet, useRouterState } from "@tanstack/react-router";
import { useEffect, useSyncExternalStore } from "react";
import { session } from "@/api/session";
import { meQuery, waysQuery } from "@/features/accounts/queries";
import { UnreadCount } from "@/features/inbound/UnreadCount";
import { useMayRead } from "@/features/inbound/useMayRead";
import { InstallationBanner } from "@/features/operations/InstallationBanner";
import { alertsQuery } from "@/features/operations/queries";
import { useMay } from "@/features/workspaces/useMay";
import { WorkspaceSwitch } from "@/features/workspaces/WorkspaceSwitch";
import { SchemeSwitch } from "@/ui/SchemeSwitch";
import { Wordmark } from "@/ui/Wordmark";
import classes from "./AppShell.module.css";
import { FindRecipient } from "./FindRecipient";
import { LiveUpdates } from "./LiveUpdates";
import { useLogOut } from "./useLogOut";

interface Entry {
  to: LinkProps["to"];
  label: string;
  icon: typeof IconInbox;
  /** Only where the sandbox mailbox runs. */
  sandbox?: boolean;
  /** The link to Replies: only for those who may read them, with how many are unread. */
  replies?: boolean;
}

const GROUPS: ReadonlyArray<{ label: string; entries: readonly Entry[] }> = [
  {
    label: "Sending",
    entries: [
      { to: "/", label: "Campaigns", icon: IconStack2 },
      { to: "/week", label: "This week", icon: IconCalendarWeek },
      { to: "/scheduled", label: "Scheduled", icon: IconClock },
      { to: "/sent", label: "Sent", icon: IconSend },
      { to: "/replies", label: "Replies", icon: IconMessageReply, replies: true },
      { to: "/trouble", label: "Failed and in doubt", icon: IconAlertTriangle },
    ],
  },
  {
    label: "Set-up",
    entries: [
      { to: "/templates", label: "Templates", icon: IconTemplate },
      { to: "/lists", label: "Lists", icon: IconUsers },
      { to: "/suppressed", label: "Suppressed", icon: IconHandStop },
      { to: "/senders", label: "Senders", icon: IconMailbox },
      { to: "/sandbox", label: "Sandbox inbox", icon: IconInbox, sandbox: true },
      { to: "/settings", label: "Settings", icon: IconSettings },
    ],
  },
];

/** The frame of every page inside, another one for each person and workspace: nothing of one stays for the next. */
export function AppShell() {
  const account = useSyncExternalStore(session.subscribe, session.actingAs);
  return <Frame key={account} />;
}

/** Navigation at the left, or in a drawer where it is narrow. */
function Frame() {
  const [opened, drawer] = useDisclosure();
  const place = useRouterState({ select: (state) => state.location.href });
  // biome-ignore lint/correctness/useExhaustiveDependencies: the drawer closes when one has gone somewhere
  useEffect(drawer.close, [place]);
  return (
    <div className={classes.frame}>
      <a href="#main" className="skip-link">
        Skip to the page
      </a>
      <header className={classes.topbar}>
        <Burger opened={opened} onClick={drawer.toggle} color="white" size="sm" aria-label="Navigation" />
        <Wordmark size={24} />
      </header>
      <aside className={classes.sidebar}>
        <Sidebar />
      </aside>
      <Drawer.Root opened={opened} onClose={drawer.close} size={270} padding={0} hiddenFrom="md">
        <Drawer.Overlay />
        <Drawer.Content classNames={{ content: classes.drawer }} aria-label="Navigation">
          <Drawer.Body className={classes.drawerBody}>
            <Sidebar />
          </Drawer.Body>
        </Drawer.Content>
      </Drawer.Root>
      <main id="main" className={classes.main} tabIndex={-1}>
        <div className={classes.page}>
          <InstallationBanner />
          <Outlet />
        </div>
      </main>
      <LiveUpdates />
    </div>
  );
}

function Sidebar() {
  const { data: ways } = useQuery(waysQuery);
  const { data: alerts = [] } = useQuery(alertsQuery());
  const blocked = alerts.filter(({ kind }) => kind === "sender.blocked").length;
  const maySend = useMay("member");
  const mayRead = useMayRead();
  return (
    <div className={classes.nav}>
      <Link to="/" className={classes.home} aria-label="ReachInbox: your campaigns">
        <Wordmark />
      </Link>
      <WorkspaceSwitch />
      {maySend && (
        <Button
          component={Link}
          to="/compose"
          leftSection={<IconPencilPlus size={17} aria-hidden />}
          className={classes.compose ?? ""}
          fullWidth
        >
          New campaign
        </Button>
      )}
      <FindRecipient />
      <nav aria-label="Main" className={classes.groups}>
        {GROUPS.map((group) => (
          <div key={group.label}>
            <Text component="h2" className={classes.group ?? ""}>
              {group.label}
            </Text>
            {group.entries
              .filter((entry) => (!entry.sandbox || ways?.sandbox) && (!entry.replies || mayRead))
              .map((entry) => (
                <Link
                  key={entry.label}
                  to={entry.to}
                  className={classes.link}
                  activeOptions={{ exact: entry.to === "/", includeSearch: false }}
                >
                  <entry.icon size={18} stroke={1.7} aria-hidden />
                  {entry.label}
                  {entry.replies && <UnreadCount />}
                  {entry.to === "/senders" && blocked > 0 && (
                    <Badge color="red" size="sm" ml="auto">
                      {blocked}
                      <VisuallyHidden> held back</VisuallyHidden>
                    </Badge>
                  )}
                </Link>
              ))}
          </div>
        ))}
      </nav>
      <UserMenu />
    </div>
  );
}

function UserMenu() {
  const { data: user } = useQuery(meQuery);
  const logOut = useLogOut();
  return (
    <Group gap={4} wrap="nowrap" className={classes.user}>
      <Menu position="top-start" width={220} withinPortal>
        <Menu.Target>
          <button type="button" className={classes.userButton}>
            <span className={classes.avatar} aria-hidden>
              {user?.email.charAt(0).toUpperCase()}
            </span>
            <span className={classes.address} title={user?.email}>
              {user?.email}
            </span>
            <IconSelector size={15} aria-hidden />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item component={Link} to="/settings" leftSection={<IconSettings size={16} aria-hidden />}>
            Settings
          </Menu.Item>
          <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={logOut}>
            Log out
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <SchemeSwitch className={classes.scheme} />
    </Group>
  );
}
