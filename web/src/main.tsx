import "@/app/styles/mantine.css";
import "@/app/styles/fonts.css";
import "@/app/styles/global.css";

import { MantineProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { session } from "@/api/session";
import { queryClient } from "@/app/queryClient";
import { router } from "@/app/router";
import { cssVariablesResolver, theme } from "@/app/theme";
import { LostSession } from "@/features/accounts/LostSession";
import { lazyPart } from "@/ui/lazyPart";
import { nonce } from "@/ui/nonce";
import { Boundary, Part } from "@/ui/Part";

const Notices = lazyPart(() => import("@/app/Notices"), "Notices");

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");

session.share(new BroadcastChannel("reachinbox.session"));

createRoot(root).render(
  <StrictMode>
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <Boundary>
        <QueryClientProvider client={queryClient}>
          <ModalsProvider>
            <Part apart>
              <Notices />
            </Part>
            <RouterProvider router={router} />
            <LostSession />
          </ModalsProvider>
        </QueryClientProvider>
      </Boundary>
    </MantineProvider>
  </StrictMode>,
);
