/** Every address of the dashboard. A page is loaded when it is first gone to. */

import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { ApiProblem } from "./api/problem";
import { createQueryClient, meQuery, waysQuery } from "./api/queries";
import { AppShell } from "./components/AppShell";
import { ErrorState } from "./components/ErrorState";
import { NotFound } from "./components/NotFound";
import { PageSkeleton } from "./components/skeletons";
import { ownPath } from "./lib/paths";
import { sandboxPlace, senderPlace, settingsPlace } from "./lib/places";
import { campaignSearch, campaignsSearch, emailSearch } from "./lib/search";

export const queryClient = createQueryClient();

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
  parse: ({ id }: { id: string }) => ({ id: Number(id) }),
  stringify: ({ id }: { id: number }) => ({ id: `${id}` }),
};

const campaigns = createRoute({
  getParentRoute: () => inside,
  path: "/",
  validateSearch: campaignsSearch,
  component: lazyRouteComponent(() => import("./pages/campaigns"), "Campaigns"),
});

const compose = createRoute({
  getParentRoute: () => inside,
  path: "/compose",
  component: lazyRouteComponent(() => import("./pages/compose"), "Compose"),
});

const campaign = createRoute({
  getParentRoute: () => inside,
  path: "/campaigns/$id",
  params: id,
  validateSearch: campaignSearch,
  component: lazyRouteComponent(() => import("./pages/campaign"), "Campaign"),
});

const scheduled = createRoute({
  getParentRoute: () => inside,
  path: "/scheduled",
  validateSearch: emailSearch,
  component: lazyRouteComponent(() => import("./pages/scheduled"), "Scheduled"),
});

const sent = createRoute({
  getParentRoute: () => inside,
  path: "/sent",
  validateSearch: emailSearch,
  component: lazyRouteComponent(() => import("./pages/sent"), "Sent"),
});

const trouble = createRoute({
  getParentRoute: () => inside,
  path: "/trouble",
  validateSearch: emailSearch,
  component: lazyRouteComponent(() => import("./pages/trouble"), "Trouble"),
});

const email = createRoute({
  getParentRoute: () => inside,
  path: "/emails/$id",
  params: id,
  component: lazyRouteComponent(() => import("./pages/email"), "Email"),
});

const senders = createRoute({
  getParentRoute: () => inside,
  path: "/senders",
  validateSearch: senderPlace,
  component: lazyRouteComponent(() => import("./pages/senders"), "Senders"),
});

const sandbox = createRoute({
  getParentRoute: () => inside,
  path: "/sandbox",
  validateSearch: sandboxPlace,
  component: lazyRouteComponent(() => import("./pages/sandbox"), "Sandbox"),
});

const settings = createRoute({
  getParentRoute: () => inside,
  path: "/settings",
  validateSearch: settingsPlace,
  component: lazyRouteComponent(() => import("./pages/settings"), "Settings"),
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search): { next?: string; error?: string } => ({
    next: ownPath(search.next),
    error: typeof search.error === "string" ? search.error : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/login"), "Login"),
});

const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  validateSearch: (search): { invitation?: string } => ({
    invitation: typeof search.invitation === "string" ? search.invitation : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/register"), "Register"),
});

const welcome = createRoute({
  getParentRoute: () => root,
  path: "/welcome",
  beforeLoad: async ({ context }) => {
    const { firstRun } = await context.queryClient.ensureQueryData(waysQuery);
    if (!firstRun) throw redirect({ to: "/login" });
  },
  component: lazyRouteComponent(() => import("./pages/welcome"), "Welcome"),
});

const resetPassword = createRoute({
  getParentRoute: () => root,
  path: "/reset-password",
  validateSearch: (search): { token?: string } => ({
    token: typeof search.token === "string" ? search.token : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/resetPassword"), "ResetPassword"),
});

const pagesInside = inside.addChildren([
  campaigns,
  compose,
  campaign,
  scheduled,
  sent,
  trouble,
  email,
  senders,
  sandbox,
  settings,
]);

export const router = createRouter({
  routeTree: root.addChildren([pagesInside, login, register, welcome, resetPassword]),
  context: { queryClient },
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
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
