/** The console: one page and its files, read once, and served under fixed names. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { Hono } from "hono";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const page = new URL("./page/", import.meta.url);
const charts = ["uplot/dist/uPlot.iife.min.js", "uplot/dist/uPlot.min.css"];

export function consoleRoutes(): Hono {
  const routes = new Hono();
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of readdirSync(page)) files.set(name, bytesOf(new URL(name, page)));
  const { resolve } = createRequire(import.meta.url);
  for (const module of charts) files.set(module.split("/").at(-1) ?? module, bytesOf(resolve(module)));
  for (const [name, bytes] of files) {
    const path = name === "index.html" ? "/" : `/assets/${name}`;
    routes.get(path, (context) =>
      context.body(bytes, 200, {
        "Content-Type": types[extname(name)] ?? "application/octet-stream",
        "Cache-Control": "no-cache",
      }),
    );
  }
  return routes;
}

function bytesOf(file: string | URL): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(file));
}
