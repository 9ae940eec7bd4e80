/** Everything that can be said of a configuration without delivering: its plugins are loaded, its outbox is not opened. */
import { isIP } from "node:net";
import {
  type ConfigSource,
  readConfig,
  type ReadConfig,
  type WebhookConfig,
} from "../settings/read/config.ts";
import { endpointMistake, typeMistakes } from "../settings/read/endpoint-mistakes.ts";
import { isStandIn } from "../settings/read/take-out.ts";
import { nameIn, type Path } from "../settings/setting.ts";
import { WebhookError } from "../event/errors.ts";
import { KnownTypes } from "../event/known-types.ts";
import { WebhookManager } from "../manager/manager.ts";
import { loadPlugin } from "../plugin/load.ts";
import { refuseLiteral } from "../security/check-url.ts";
import { isLoopbackAddress, isLoopbackHost } from "../server/loopback.ts";
import { checkTokenForm } from "../server/token.ts";

export interface CheckedConfig {
  readonly config: WebhookConfig;
  /** In the order of the file; each with its place and what would be right. */
  readonly mistakes: readonly string[];
  readonly remedy?: string;
}

/** Checks all that can be checked in spite of mistakes elsewhere, so that one run names them all. */
export async function checkConfig(source: ConfigSource): Promise<CheckedConfig> {
  const read = readConfig(source);
  const { config } = read;
  if (!read.readable) return read;
  const mistakes = [...read.mistakes];
  await checkTypes(read, mistakes);
  for (const [index, endpoint] of config.endpoints.entries()) {
    const mistake: Mistake = (path, problem) =>
      void mistakes.push(endpointMistake(read, index, path, problem));
    checkSecret(read, endpoint, mistake);
    checkAddress(read, endpoint.url, mistake);
  }
  checkServer(read, mistakes);
  return { config, mistakes: mistakes.sort(byPlace) };
}

/** Loads the plugins, and adds what is wrong with them and with the event types that endpoints name. */
export async function checkTypes(read: ReadConfig, mistakes: string[]): Promise<void> {
  const { types, complete } = await loadTypes(read, mistakes);
  mistakes.push(...typeMistakes(read, types, complete));
}

type Mistake = (path: Path, problem: string) => void;
type Settings = WebhookConfig["endpoints"][number];

/** Loads the plugins. Returns the types that they and this package declare, and whether all could be loaded. */
async function loadTypes(
  { config, leftOut, mistakeAt }: ReadConfig,
  mistakes: string[],
): Promise<{ readonly types: KnownTypes; readonly complete: boolean }> {
  const types = new KnownTypes(config.eventTypes);
  let complete = !leftOut.has("plugins") && !leftOut.has("event_types");
  // Takes plugins as a manager does, and is never started.
  const host = new WebhookManager({ config: false });
  for (const [index, { name, options, ...use }] of config.plugins.entries()) {
    try {
      const plugin = await loadPlugin(name, options, config.sourcePath);
      host.use(plugin, use);
      types.add(Object.keys(plugin.events));
    } catch (error) {
      complete = false;
      if (!WebhookError.is(error)) throw error;
      // What is wrong with a plugin's setting says itself what would be right.
      const problem = error.code === "PLUGIN_UNKNOWN" ? error.message : error.detail;
      mistakes.push(mistakeAt(["plugins", index], problem));
    }
  }
  await host.close();
  return { types, complete };
}

function checkSecret({ config, leftOut }: ReadConfig, endpoint: Settings, mistake: Mistake): void {
  const given = endpoint.secret ?? config.secret;
  const names = ["secret", nameIn("file", "secretFile")];
  const unread = names.some((name) => leftOut.has(name) || leftOut.has(`endpoints.${name}`));
  if (given !== undefined || unread) return;
  const remedy =
    "set its `secret`, `webhook.secret` or MOVA_WEBHOOK_SECRET to what `mova-webhooks secret` prints";
  mistake([], `this endpoint has no secret; ${remedy}`);
}

function checkAddress({ config, leftOut }: ReadConfig, text: string, mistake: Mistake): void {
  if (leftOut.has("network")) return;
  const url = new URL(text);
  if (isStandIn(url)) return;
  const problem = refuseLiteral(url, config.network) ?? refuseHttp(url, config);
  if (problem !== undefined) mistake(["url"], `this URL cannot be called: ${problem}`);
}

/** Returns why http to this URL is refused whatever its name resolves to, as far as that can be told without resolving it. */
function refuseHttp(url: URL, { network }: WebhookConfig): string | undefined {
  if (url.protocol !== "http:" || isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0) return undefined;
  if (isLoopbackHost(url.hostname)) {
    const literal = new URL(url);
    literal.hostname = "127.0.0.1";
    return refuseLiteral(literal, network);
  }
  if ((network.allow ?? []).length === 0)
    return "plain http is possible only to addresses in `network.allow`; use https";
  if (network.requireHttps === false) return undefined;
  return "plain http is possible only to loopback addresses unless `network.require_https` is false; use https";
}

function checkServer({ config: { server }, leftOut, mistakeAt }: ReadConfig, mistakes: string[]): void {
  const { host, token } = server ?? {};
  try {
    if (token !== undefined) checkTokenForm(token);
  } catch (error) {
    if (!WebhookError.is(error)) throw error;
    mistakes.push(mistakeAt(["server", "token"], error.detail));
  }
  const open = host !== undefined && isIP(host) !== 0 && !isLoopbackAddress(host);
  if (!open || token !== undefined || leftOut.has("server.token")) return;
  const problem = `the server may listen on ${host} only with a token; set \`server.token\` or MOVA_WEBHOOK_TOKEN to what \`mova-webhooks secret\` prints`;
  mistakes.push(mistakeAt(["server", "host"], problem));
}

/** By line and column; what has none comes first. */
function byPlace(a: string, b: string): number {
  const [lineA = 0, columnA = 0] = placeOf(a);
  const [lineB = 0, columnB = 0] = placeOf(b);
  return lineA - lineB || columnA - columnB;
}

function placeOf(mistake: string): number[] {
  return (/^[^\n]*?:(\d+):(\d+): /.exec(mistake) ?? []).slice(1).map(Number);
}
