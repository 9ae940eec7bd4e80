/** Options that several commands share, and how their texts are read. */
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { InvalidArgumentError, Option } from "commander";
import { WebhookError } from "../event/errors.ts";
import { type JsonText, jsonText } from "../event/json-text.ts";
import { manager } from "../settings/manager.ts";

export interface CommonOptions {
  readonly config?: string;
  readonly json: boolean;
}

export function configOption(): Option {
  return new Option("--config <path>", "configuration file (default: mova.config.yaml, where there is one)");
}

export function jsonOption(): Option {
  return new Option("--json", "print JSON").default(false);
}

export function secretOptions(): Option[] {
  return [
    new Option("--secret <text>", "shared secret; the list of processes shows it, so prefer the two others"),
    new Option("--secret-file <path>", "file that holds the secret (default: MOVA_WEBHOOK_SECRET)"),
  ];
}

export interface ServerOptions {
  readonly url?: string;
  readonly token?: string;
}

/** `otherwise` says who is asked without `--url`. */
export function serverOptions(otherwise: string): Option[] {
  return [
    new Option(
      "--url <url>",
      `ask the server that runs there, such as http://127.0.0.1:9464 (${otherwise})`,
    ).argParser(readUrl),
    new Option(
      "--token <text>",
      "the server's token (default: MOVA_WEBHOOK_TOKEN, which no list of processes shows)",
    ),
  ];
}

/** Gathers the values of an option that may be repeated. */
export function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

/** The secret given by option, file or environment. Throws SECRET_INVALID. */
export function readSecret(options: { readonly secret?: string; readonly secretFile?: string }): string {
  const fromFile = options.secretFile === undefined ? undefined : readFile(options.secretFile).trim();
  const secret = options.secret ?? fromFile ?? process.env[manager.fields.secret.variable]?.trim() ?? "";
  if (secret === "")
    throw new WebhookError("SECRET_INVALID", "Expected a secret in MOVA_WEBHOOK_SECRET or --secret-file", {
      remedy: "It is the one that both sides share; `mova-webhooks secret` prints a new one.",
    });
  return secret;
}

/** Reads `text`, `@file` or `-` (stdin). */
export async function readInput(given: string): Promise<string> {
  if (given === "-") return text(process.stdin);
  return given.startsWith("@") ? readFile(given.slice(1)) : given;
}

/** Reads JSON from a text, `@file` or `-`, to be handed on as it is. Throws DATA_UNSERIALISABLE. */
export async function readJson(given: string): Promise<JsonText> {
  const input = (await readInput(given)).trim();
  try {
    JSON.parse(input);
  } catch {
    throw new WebhookError("DATA_UNSERIALISABLE", "Expected --data to be JSON, @file or -", {
      remedy: `Put it in single quotes for the shell: --data '{"key":"a"}'.`,
    });
  }
  return jsonText(input, "--data");
}

export function readUrl(given: string): string {
  const protocol = URL.canParse(given) ? new URL(given).protocol : "";
  if (protocol === "http:" || protocol === "https:") return given;
  throw new InvalidArgumentError("expected an http or https URL");
}

export function readPort(given: string): number {
  return readWhole(given, 0, 65_535, "a port");
}

export function readCount(given: string): number {
  return readWhole(given, 1, 1_000_000, "a whole number");
}

export function readSeconds(given: string): number {
  return readWhole(given, 0, 999_999_999_999, "Unix seconds");
}

/** Reads an RFC 3339 time, or how long ago: `90s`, `15m`, `2h`, `7d`. Returns Unix milliseconds. */
export function readTime(given: string): number {
  const ago = /^(\d+)([smhd])$/.exec(given);
  if (ago !== null) {
    const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[ago[2] as "s" | "m" | "h" | "d"];
    return Date.now() - Number(ago[1]) * unitMs;
  }
  const time = Date.parse(given);
  if (Number.isNaN(time))
    throw new InvalidArgumentError("expected a time such as 2026-01-31T08:00:00Z, 15m or 2h");
  return time;
}

function readWhole(given: string, min: number, max: number, what: string): number {
  const value = Number(given);
  if (given.trim() !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(`expected ${what} from ${min} to ${max}`);
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
    const remedy = "Check that the path is right and that this user may read it.";
    throw new WebhookError("CONFIG_INVALID", `Cannot read the file ${path}${code}`, { cause, remedy });
  }
}
