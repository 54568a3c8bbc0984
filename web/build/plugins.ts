/**
 * Plugins of our build besides Vite's own: the script of the colour scheme, compressed copies, a limit on the first
 * load.
 */

import { readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

const COMPRESSIBLE = new Set([".css", ".js", ".svg", ".json", ".txt"]);
const SMALLEST = 1000;

/** Puts scheme.js into the head as a hashed file of its own: inline, our Content-Security-Policy would not run it. */
export function schemeScript(): Plugin {
  const source = readFileSync(new URL("./scheme.js", import.meta.url), "utf8");
  let reference = "";
  let serving = false;
  return {
    name: "scheme-script",
    configResolved(config) {
      serving = config.command === "serve";
    },
    buildStart() {
      if (!serving) reference = this.emitFile({ type: "asset", name: "scheme.js", source });
    },
    transformIndexHtml: {
      order: "post",
      handler(html, context) {
        const file = serving
          ? "build/scheme.js"
          : Object.values(context.bundle ?? {}).find((made) => made.fileName.startsWith("assets/scheme-"))
              ?.fileName;
        if (!file) throw new Error(`scheme.js was not emitted (${reference})`);
        return {
          html,
          tags: [{ tag: "script", attrs: { src: `/${file}` }, injectTo: "head-prepend" }],
        };
      },
    },
  };
}

/** Fails the build when index, entry and any one of `pages` come to more than `limit` bytes compressed by gzip. */
export function firstLoad(pages: string[], limit: number): Plugin {
  return {
    name: "first-load",
    apply: "build",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((made) => made.type === "chunk");
      const entry = chunks.find((chunk) => chunk.isEntry);
      if (!entry) this.error("there is no entry");
      for (const page of pages) {
        const chunk = chunks.find((made) => made.facadeModuleId?.endsWith(page));
        if (!chunk) this.error(`there is no chunk for ${page}`);
        const files = filesOf([entry, chunk], bundle);
        const size = files.reduce((sum, file) => sum + compressedSize(bundle, file), 0);
        const kilobytes = `${(size / 1000).toFixed(0)} kB of ${limit / 1000} kB`;
        if (size > limit)
          this.error(`the first load of ${page} is too large: ${kilobytes}, ${files.join(", ")}`);
        this.info(`first load of ${page}: ${kilobytes}`);
      }
    },
  };
}

function filesOf(roots: Rolldown.OutputChunk[], bundle: Rolldown.OutputBundle): string[] {
  const files = new Set<string>();
  const add = (chunk: Rolldown.OutputChunk) => {
    if (files.has(chunk.fileName)) return;
    files.add(chunk.fileName);
    for (const style of chunk.viteMetadata?.importedCss ?? []) files.add(style);
    for (const name of chunk.imports) {
      const imported = bundle[name];
      if (imported?.type === "chunk") add(imported);
    }
  };
  for (const root of roots) add(root);
  return [...files];
}

function compressedSize(bundle: Rolldown.OutputBundle, file: string): number {
  const made = bundle[file];
  if (!made) return 0;
  return gzipSync(made.type === "chunk" ? made.code : made.source, { level: 9 }).length;
}

/** Writes a .gz and a .br beside each file that gains by it; the service sends what the browser takes. */
export function precompress(folder: string): Plugin {
  return {
    name: "precompress",
    apply: "build",
    async closeBundle() {
      for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !COMPRESSIBLE.has(extname(entry.name))) continue;
        const content = await readFile(path);
        if (content.length < SMALLEST) continue;
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        await writeFile(`${path}.gz`, gzipSync(content, { level: 9 }));
        await writeFile(`${path}.br`, brotliCompressSync(content, quality));
      }
    },
  };
}
