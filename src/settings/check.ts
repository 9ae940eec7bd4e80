/** Checks what code hands in against its declaration, and says in one sentence what is wrong. */
import { type ErrorCode, WebhookError } from "../event/errors.ts";
import { type Path, type Problem, readGiven, type Setting } from "./setting.ts";

interface CheckOptions {
  /** What it is called as a whole. @default "options" */
  readonly name?: string;
  /** Where it stands when it is part of what the subject was given, such as `rules[0]`. */
  readonly at?: string;
  /** @default CONFIG_INVALID */
  readonly code?: ErrorCode;
}

const inCode = { place: "code" } as const;

/**
 * Returns what `subject`, such as `find()` or plugin `cache`, was given, as it is meant. Throws a WebhookError that
 * names the first setting that does not fit and what it must be.
 */
export function check<T>(
  subject: string,
  setting: Setting<T>,
  value: unknown,
  options: CheckOptions = {},
): T {
  const reading = readGiven(setting, value, inCode);
  if ("value" in reading) return reading.value;
  throw problemInCode(subject, reading.problems, options);
}

/** Returns what a method was given, as it is meant. Throws CONFIG_INVALID, or the code that its declaration has. */
export function argument<T>(method: string, name: string, setting: Setting<T>, value: unknown): T {
  const code = setting.code === undefined ? {} : { code: setting.code };
  return check(`\`${method}()\``, setting, value, { name, ...code });
}

/** Returns the error for the first of these problems. */
export function problemInCode(
  subject: string,
  [problem]: readonly Problem[],
  { name = "options", at = "", code = "CONFIG_INVALID" }: CheckOptions = {},
): WebhookError {
  const { path = [], kind, expected = "", got = "", code: own = code } = problem ?? {};
  if (kind === "unknown key") {
    const outer = writePath(path.slice(0, -1), at);
    const where = outer === "" ? `the ${name}` : `\`${outer}\``;
    return new WebhookError(own, `In ${where} of ${subject}: ${expected}`);
  }
  const named = writePath(path, at);
  return new WebhookError(
    own,
    `Expected \`${named === "" ? name : named}\` of ${subject} to be ${expected}, got ${got}`,
  );
}

/** Writes a path as `endpoints[0].url`, below `start`. */
export function writePath(path: Path, start = ""): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    return text === "" ? step : `${text}.${step}`;
  }, start);
}
