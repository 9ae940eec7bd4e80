import { existsSync, readFileSync } from "node:fs";
import { memoryOutbox } from "mova-webhooks";
import { type Browser, chromium, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { secret, testEndpoint, testManager, until } from "../support/pipeline.ts";

const executablePath = "/usr/bin/chromium";
const quiet = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const args = ["--headless", "--no-sandbox", ...quiet];

let browser: Browser;
const pages: Page[] = [];
const complaints: string[] = [];
const faintTexts = readFileSync(new URL("programs/faint-texts.js", import.meta.url), "utf8");

describe.skipIf(!existsSync(executablePath))(
  "the console in Chromium (skipped without /usr/bin/chromium)",
  () => {
    beforeAll(async () => {
      browser = await chromium.launch({ executablePath, args });
    });
    afterAll(() => browser?.close());
    // Before their servers go, or the browser would complain of that.
    afterEach(async () => {
      for (const page of pages.splice(0)) await page.close();
      const heard = complaints.splice(0);
      if (heard.length > 0) throw new Error(`The browser complains: ${heard.join("; ")}`);
    });

    it("shows what fails and why, and sees a replayed delivery delivered", async () => {
      const { page, broken, manager } = await openConsole();
      await shows(page, "#verdict", "1 of 2 endpoints failing · 1 dead");
      const first = page.locator("#endpoint-rows tr").first();
      await shows(first, ".chip", "failing");
      await shows(first, "th", "broken");
      expect(await first.textContent()).toContain("http_4xx (422)");
      expect(await first.textContent()).toMatch(/since \d\d:\d\d:\d\d/);
      expect(await page.content()).not.toContain("hidden-in-url");

      await page.locator("#filter").getByText("dead", { exact: true }).click();
      await until(async () => (await page.locator("#delivery-rows tr").count()) === 1);
      await page.locator("#delivery-rows a").click();
      await shows(page, "#detail .chip", "dead");
      await shows(page, "#detail .why", "Dead after 1 attempt.");
      await shows(page, ".attempts", "http_4xx");
      // Shown as text, not run: it would be a complaint of the policy.
      await shows(page, ".attempts pre", "<img src=x onerror=alert(1)>");
      await shows(page, "#detail-body", "well");

      broken.answerWith(204);
      await page.locator("#replay").click();
      await shows(page, "#detail .chip", "delivered");
      await shows(page, "#verdict", "All endpoints well");
      await shows(page, "#legend", "success");
      await until(async () => (await page.locator("#delivery-rows tr").count()) === 0);
      expect((await manager.find({ state: "dead" })).deliveries).toEqual([]);
    });

    it("narrows the list by endpoint, type and state, and keeps that in its address", async () => {
      const { page, url, manager } = await openConsole();
      await manager.triggerEvent("cache.cleared", {});
      const rows = page.locator("#delivery-rows tr");
      await until(async () => (await rows.count()) === 3);
      await page.locator("select[name=endpoint]").selectOption("well");
      await until(async () => (await rows.count()) === 2);
      await page.locator("input[name=type]").fill("cache.cleared");
      await page.locator("input[name=type]").press("Enter");
      await until(async () => (await rows.count()) === 1);
      expect(page.url()).toBe(`${url}/?endpoint=well&type=cache.cleared`);
      await page.reload();
      await until(async () => (await rows.count()) === 1);
      expect(await page.locator("select[name=endpoint]").inputValue()).toBe("well");
      await page.locator("#filter").getByText("dead", { exact: true }).click();
      await page.locator("#no-deliveries").waitFor({ state: "visible" });
    });

    it("is used with the keyboard alone", async () => {
      const { page, broken, manager } = await openConsole();
      await until(async () => (await page.locator("#delivery-rows tr").count()) === 2);
      await page.keyboard.press("?");
      expect(await page.locator("#help").isVisible()).toBe(true);
      await page.keyboard.press("Escape");
      await page.keyboard.press("4");
      await until(async () => (await page.locator("#delivery-rows tr").count()) === 1);
      await page.keyboard.press("j");
      await page.keyboard.press("Enter");
      await shows(page, "#detail .chip", "dead");
      broken.answerWith(204);
      await page.keyboard.press("r");
      await shows(page, "#detail .chip", "delivered");
      await page.keyboard.press("Escape");
      await shows(page, "#detail-body", "Open a delivery");

      await page.keyboard.press("e");
      const inFocus = (): Promise<string | null> => page.locator(":focus").textContent();
      expect(await inFocus()).toBe("broken");
      await page.keyboard.press("Tab");
      expect(await inFocus()).toBe("Disable");
      let asked = "";
      page.once("dialog", (dialog) => {
        asked = dialog.message();
        void dialog.accept();
      });
      await page.keyboard.press("Enter");
      await until(() => manager.getEndpoints()[0]?.enabled === false);
      expect(asked).toContain("broken");
      // The row is drawn anew, and may have moved: the focus stays on its button.
      await until(async () => (await inFocus()) === "Enable");
      await page.keyboard.press("Enter");
      await until(() => manager.getEndpoints()[0]?.enabled === true);

      await page.keyboard.press("/");
      await page.keyboard.type("cache.p?4");
      expect(await page.locator("input[name=type]").inputValue()).toBe("cache.p?4");
      expect(await page.locator("#help").isVisible()).toBe(false);
    });

    it("replays what matches once it is confirmed", async () => {
      const { page, broken, manager } = await openConsole();
      broken.answerWith(204);
      await page.locator("#replay-all").click();
      await shows(page, "#confirm-text", "Replay 1 dead delivery?");
      await page.locator("#confirm").getByText("Cancel").click();
      await page.locator("#replay-all").click();
      expect((await manager.find({ state: "dead" })).deliveries).toHaveLength(1);
      await page.locator("#confirm").getByText("Replay", { exact: true }).click();
      await until(async () => (await manager.find({ state: "dead" })).deliveries.length === 0);
    });

    it("asks for the token, keeps it for the tab, and asks again where it is wrong", async () => {
      const token = "correct-horse-battery-staple";
      const { page } = await openConsole({ token });
      const dialog = page.locator("#ask-token");
      await dialog.waitFor();
      await page.locator("#token").fill("a wrong one");
      await page.keyboard.press("Enter");
      await shows(page, "#token-wrong", "not the server's token");
      await page.locator("#token").fill(token);
      await page.keyboard.press("Enter");
      await shows(page, "#verdict", "failing");
      await page.reload();
      await shows(page, "#verdict", "failing");
      expect(await dialog.isVisible()).toBe(false);
      // The browser itself reports every 401 on its console.
      expect(complaints.splice(0).every((text) => text.includes("401"))).toBe(true);
    });

    it("says that the server is gone, and goes on when it is back", async () => {
      const { page, url, manager, server } = await openConsole();
      await shows(page, "#connection", "live");
      await server.close();
      await shows(page, "#connection", "no answer; this is as of");
      const port = Number(new URL(url).port);
      await manager.listen({ port });
      await shows(page, "#connection", "live");
      expect(complaints.splice(0).every((text) => text.includes("ERR_CONNECTION_REFUSED"))).toBe(true);
    });

    it("can be read in both themes: every text has a contrast of 4.5 to 1", async () => {
      for (const colorScheme of ["light", "dark"] as const) {
        const { page } = await openConsole({ colorScheme });
        await page.locator("#delivery-rows a").first().click();
        await page.locator(".attempts").waitFor();
        expect(await page.evaluate(faintTexts)).toEqual([]);
      }
    });
  },
);

interface Opening {
  readonly token?: string;
  readonly colorScheme?: "light" | "dark";
}

/** Two endpoints that got one event: `well` has it, `broken` refused it for good. */
async function openConsole({ token, colorScheme = "light" }: Opening = {}) {
  const well = await testEndpoint();
  const broken = await testEndpoint((_, response) =>
    response.writeHead(422).end("<img src=x onerror=alert(1)>"),
  );
  const manager = testManager({
    outbox: memoryOutbox(),
    endpoints: [
      { id: "broken", url: `${broken.url}?key=hidden-in-url`, secret, eventTypes: ["cache.updated"] },
      { id: "well", url: well.url, secret },
    ],
  });
  await manager.start();
  await manager.triggerEvent("cache.updated", { key: "a" });
  await until(async () => (await manager.find({ state: "dead" })).deliveries.length === 1);
  await until(async () => (await manager.find({ state: "delivered" })).deliveries.length === 1);
  const server = await manager.listen({ port: 0, ...(token === undefined ? {} : { token }) });
  const page = await browser.newPage({ colorScheme, viewport: { width: 1440, height: 900 } });
  pages.push(page);
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  await page.goto(server.url);
  return { page, manager, server, url: server.url, broken };
}

/** Waits until the first element that fits holds the text. */
async function shows(within: Page | Locator, selector: string, text: string): Promise<void> {
  await within.locator(selector).filter({ hasText: text }).first().waitFor();
}
