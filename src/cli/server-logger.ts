/** What `serve` says: readable lines on a terminal, JSON lines for whatever collects them; both on stderr. */
import { styleText } from "node:util";
import type { Logger } from "../event/logger.ts";
import { loggerFromEnvironment } from "../telemetry/log/environment-logger.ts";
import { say } from "./terminal.ts";

const levels = ["debug", "info", "warn", "error"] as const;
type Level = (typeof levels)[number];

/** A server nobody hears of cannot be operated: without a level it logs from `info` on. */
export function serverLogger(level: Level | "silent" = "info"): Logger {
  return process.stderr.isTTY && level !== "silent"
    ? readableLogger(level, say)
    : loggerFromEnvironment(level);
}

/** Writes `time level message key=value …`. */
export function readableLogger(lowest: Level, write: (line: string) => void): Logger {
  const log = (level: Level) => (fields: object, message: string) => {
    if (levels.indexOf(level) < levels.indexOf(lowest)) return;
    const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
    const shown = pairs.map(([name, value]) => `${name}=${textOf(value)}`);
    write(`${new Date().toISOString()} ${coloured(level)} ${escaped([message, ...shown].join(" "))}`);
  };
  return { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** Words as they are; in quotes what has spaces or control characters. */
function textOf(value: unknown): string {
  return typeof value === "string" && /^[^\s\p{Cc}"]+$/u.test(value) ? value : JSON.stringify(value);
}

/** A terminal would obey control characters. JSON escapes those below U+0020 only. */
function escaped(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

const colours = { debug: "dim", info: "green", warn: "yellow", error: "red" } as const;

function coloured(level: Level): string {
  const text = level.padEnd(5);
  const plain =
    !process.stderr.isTTY || (process.env["NO_COLOR"] ?? "") !== "" || process.env["TERM"] === "dumb";
  return plain ? text : styleText(colours[level], text, { validateStream: false });
}
