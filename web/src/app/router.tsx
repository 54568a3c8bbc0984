/** Every address of the dashboard. A page is loaded when it is first gone to. */

import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { ApiProblem } from "@/api/problem";
import { AppShell } from "@/app/AppShell/AppShell";
import { ownPath } from "@/features/accounts/ownPath";
import { meQuery, waysQuery } from "@/features/accounts/queries";
import { campaignSearch, campaignsSearch } from "@/features/campaigns/search";
import { composeSearch } from "@/features/compose/start/search";
import { templatePlace } from "@/features/compose/templates/search";
import { emailSearch } from "@/features/ledger/search";
import { sandboxPlace } from "@/features/operations/sandbox/search";
import { recipientPlace } from "@/features/recipients/one/search";
import { replySearch } from "@/features/replies/search";
import { senderPlace } from "@/features/senders/search";
import { suppressionSearch } from "@/features/suppressions/search";
import { ErrorState } from "@/ui/ErrorState";
import { idIn, idInPath } from "@/ui/searchParams";
import { PageSkeleton } from "@/ui/skeletons";
import { NotFound } from "./NotFound";
import { queryClient } from "./queryClient";
import { settingsPlace } from "./settingsSearch";

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({ notFoundComponent: NotFound });

/** Pages for somebody logged in; anybody else logs in first and comes back. */
const inside = createRoute({
  getParentRoute: () => root,
  id: "inside",
  component: AppShell,
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (!(error instanceof ApiProblem && error.status === 401)) throw error;
      const next = location.href === "/" ? undefined : location.href;
      const { firstRun } = await context.queryClient.ensureQueryData(waysQuery);
      throw redirect(firstRun && !next ? { to: "/welcome" } : { to: "/login", search: { next } });
    }
  },
});

const id = {
  parse: ({ id }: { id: string }) => ({ id: idInPath(id) }),
  stringify: ({ id }: { id: number }) => ({ id: `${id}` }),
};

const campaigns = createRoute({
  getParentRoute: () => inside,
  path: "/",
  validateSearch: campaignsSearch,
  component: lazyRouteComponent(() => import("@/features/campaigns/CampaignsPage"), "CampaignsPage"),
});

const compose = createRoute({
  getParentRoute: () => inside,
  path: "/compose",
  validateSearch: composeSearch,
  component: lazyRouteComponent(() => import("@/features/compose/ComposePage"), "ComposePage"),
});

const templates = createRoute({
  getParentRoute: () => inside,
  path: "/templates",
  validateSearch: templatePlace,
  component: lazyRouteComponent(() => import("@/features/compose/templates/TemplatesPage"), "TemplatesPage"),
});

const campaign = createRoute({
  getParentRoute: () => inside,
  path: "/campaigns/$id",
  params: id,
  validateSearch: campaignSearch,
  component: lazyRouteComponent(() => import("./CampaignPage"), "CampaignPage"),
});

const week = createRoute({
  getParentRoute: () => inside,
  path: "/week",
  validateSearch: (search): { senderId?: number | undefined } => ({ senderId: idIn(search.senderId) }),
  component: lazyRouteComponent(() => import("@/features/campaigns/week/WeekPage"), "WeekPage"),
});

const scheduled = createRoute({
  getParentRoute: () => inside,
  path: "/scheduled",
  validateSearch: emailSearch,
  component: lazyRouteComponent(() => import("@/features/ledger/ScheduledPage"), "ScheduledPage"),
});

const sent = createRoute({
  getParentRoute: () => inside,
  path: "/sent",
  validateSearch: emailSearch,
  component: lazyRouteComponent(() => import("@/features/ledger/SentPage"), "SentPage"),
});

const trouble = createRoute({
  getParentRoute: () => inside,
  path: "/trouble",
  validateSearch: emailSearch,
  component: lazyRouteComponent(() => import("@/features/ledger/TroublePage"), "TroublePage"),
});

const email = createRoute({
  getParentRoute: () => inside,
  path: "/emails/$id",
  params: id,
  component: lazyRouteComponent(() => import("@/features/ledger/EmailPage"), "EmailPage"),
});

const replies = createRoute({
  getParentRoute: () => inside,
  path: "/replies",
  validateSearch: replySearch,
  component: lazyRouteComponent(() => import("@/features/replies/RepliesPage"), "RepliesPage"),
});

const lists = createRoute({
  getParentRoute: () => inside,
  path: "/lists",
  component: lazyRouteComponent(() => import("@/features/recipients/ListsPage"), "ListsPage"),
});

const recipients = createRoute({
  getParentRoute: () => inside,
  path: "/recipients",
  validateSearch: recipientPlace,
  component: lazyRouteComponent(() => import("@/features/recipients/one/RecipientPage"), "RecipientPage"),
});

const suppressed = createRoute({
  getParentRoute: () => inside,
  path: "/suppressed",
  validateSearch: suppressionSearch,
  component: lazyRouteComponent(() => import("@/features/suppressions/SuppressedPage"), "SuppressedPage"),
});

const senders = createRoute({
  getParentRoute: () => inside,
  path: "/senders",
  validateSearch: senderPlace,
  component: lazyRouteComponent(() => import("@/features/senders/SendersPage"), "SendersPage"),
});

const sandbox = createRoute({
  getParentRoute: () => inside,
  path: "/sandbox",
  validateSearch: sandboxPlace,
  component: lazyRouteComponent(() => import("@/features/operations/sandbox/SandboxPage"), "SandboxPage"),
});

const settings = createRoute({
  getParentRoute: () => inside,
  path: "/settings",
  validateSearch: settingsPlace,
  component: lazyRouteComponent(() => import("./SettingsPage"), "SettingsPage"),
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search): { next?: string; error?: string } => ({
    next: ownPath(search.next),
    error: typeof search.error === "string" ? search.error : undefined,
  }),
  component: lazyRouteComponent(() => import("@/features/accounts/LoginPage"), "LoginPage"),
});

const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  validateSearch: (search): { invitation?: string; email?: string } => ({
    invitation: typeof search.invitation === "string" ? search.invitation : undefined,
    email: typeof search.email === "string" ? search.email : undefined,
  }),
  component: lazyRouteComponent(() => import("@/features/accounts/RegisterPage"), "RegisterPage"),
});

const welcome = createRoute({
  getParentRoute: () => root,
  path: "/welcome",
  beforeLoad: async ({ context }) => {
    const { firstRun } = await context.queryClient.ensureQueryData(waysQuery);
    if (!firstRun) throw redirect({ to: "/login" });
  },
  component: lazyRouteComponent(() => import("@/features/accounts/WelcomePage"), "WelcomePage"),
});

const resetPassword = createRoute({
  getParentRoute: () => root,
  path: "/reset-password",
  validateSearch: (search): { token?: string } => ({
    token: typeof search.token === "string" ? search.token : undefined,
  }),
  component: lazyRouteComponent(() => import("@/features/accounts/ResetPasswordPage"), "ResetPasswordPage"),
});

/** Where the link of an invitation into a workspace leads, logged in or not. */
const join = createRoute({
  getParentRoute: () => root,
  path: "/join",
  validateSearch: (search): { token?: string } => ({
    token: typeof search.token === "string" ? search.token : undefined,
  }),
  beforeLoad: async ({ context }) => {
    try {
      await context.queryClient.ensureQueryData(meQuery);
    } catch (error) {
      if (!(error instanceof ApiProblem && error.status === 401)) throw error;
    }
  },
  component: lazyRouteComponent(() => import("@/features/workspaces/JoinPage"), "JoinPage"),
});

const pagesInside = inside.addChildren([
  campaigns,
  compose,
  templates,
  campaign,
  week,
  scheduled,
  sent,
  trouble,
  email,
  replies,
  lists,
  recipients,
  suppressed,
  senders,
  sandbox,
  settings,
]);

export const router = createRouter({
  routeTree: root.addChildren([pagesInside, login, register, welcome, resetPassword, join]),
  context: { queryClient },
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultRemountDeps: ({ params }) => params, // another campaign is another page, with a form of its own
  defaultPendingComponent: PageSkeleton,
  defaultErrorComponent: ErrorState,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
