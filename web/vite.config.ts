import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { firstLoad, precompress, schemeScript } from "./build/plugins.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const outDir = here("../app/dashboard");

export default defineConfig({
  plugins: [
    react(),
    schemeScript(),
    firstLoad(["/accounts/LoginPage.tsx", "/campaigns/CampaignsPage.tsx"], 250_000),
    precompress(outDir),
  ],
  resolve: { alias: { "@": here("./src") } },
  build: {
    outDir,
    emptyOutDir: true,
    target: "es2022",
    // Every browser that has light-dark(), which cannot be had from older CSS with a scheme chosen by hand.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    // Inlined files would be data: URLs, which our Content-Security-Policy allows for images alone.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
  },
  // `npm run dev` shows the pages on a service that runs beside it.
  server: { proxy: { "/api": "http://127.0.0.1:3000" } },
  test: {
    environment: "node", // a test that needs a page asks for jsdom, which takes a second to come
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["./vitest.setup.ts"],
    testTimeout: 60_000, // a machine that does other things, too, is no fault
  },
});
