/**
 * Draws a preview of each dashboard: its panels' queries, on a real Prometheus that scrapes the running demo.
 *
 *     npx tsx grafana/preview/draw.ts [minutes]
 *
 * Needs a built package, Prometheus and Chromium. `PROMETHEUS_URL` takes a Prometheus that runs already.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as wait } from "node:timers/promises";
import { chromium } from "playwright-core";
import { readBoards } from "../live/boards.ts";
import { startDemo } from "../live/demo.ts";
import { askPrometheus, type PrometheusApi, startPrometheus } from "../live/prometheus.ts";
import { type BoardPicture, collectBoard } from "./collect.ts";
import { toPalettePng } from "./palette-png.ts";

const widthPixels = 1440;
const require = createRequire(import.meta.url);

const chromiumFlags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** One page with everything in it: nothing is loaded from anywhere. */
function pageOf(picture: BoardPicture): string {
  const own = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
  const uplot = (name: string): string => readFileSync(require.resolve(`uplot/dist/${name}`), "utf8");
  const data = JSON.stringify(picture).replaceAll("<", "\\u003c");
  return `<!doctype html><meta charset="utf-8"><title>preview</title>
<style>${uplot("uPlot.min.css")}${own("page.css")}</style><main></main>
<script>${uplot("uPlot.iife.min.js")}</script><script>globalThis.picture = ${data};</script>
<script type="module">${own("page.js")}</script>`;
}

async function drawAll(prometheus: PrometheusApi, fromSeconds: number, toSeconds: number): Promise<void> {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: chromiumFlags });
  try {
    const page = await browser.newPage({
      viewport: { width: widthPixels, height: 900 },
      deviceScaleFactor: 1,
    });
    page.on("pageerror", (error) => {
      throw error;
    });
    for (const board of readBoards()) {
      const picture = await collectBoard(prometheus, board.model, fromSeconds, toSeconds);
      await page.setContent(pageOf(picture));
      await page.waitForSelector("main[data-drawn]");
      const png = toPalettePng(await page.screenshot({ fullPage: true }));
      const name = board.file.replace(".json", ".png");
      writeFileSync(new URL(name, import.meta.url), png);
      console.log(`preview/${name}: ${Math.round(png.length / 1024)} kB`);
    }
  } finally {
    await browser.close();
  }
}

const minutes = Number(process.argv[2] ?? 15);
const running = process.env["PROMETHEUS_URL"];
if (running === undefined) {
  const demo = await startDemo();
  const prometheus = await startPrometheus(demo.metricsUrl, 2);
  const startedAt = Date.now() / 1000;
  console.log(`Collecting for ${minutes} minutes …`);
  await wait(minutes * 60_000);
  await drawAll(prometheus, startedAt, Date.now() / 1000);
  await prometheus.stop();
  await demo.stop();
} else {
  const now = Date.now() / 1000;
  await drawAll(askPrometheus(running), now - minutes * 60, now);
}
