/** Turns the calls of any validator into what the validation plugin says on the bus. */
import {
  cutText,
  isInsideWatchedCall,
  type MakerOptions,
  type PluginHost,
  sizeInBytes,
  type Watch,
} from "mova-webhooks/plugin";

/** One thing wrong with a document: where, by which rule, and only if wanted in which words. */
export interface Problem {
  /** JSON Pointer into the document; empty for the document itself. */
  readonly path: string;
  readonly rule: string;
  readonly message?: string;
}

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "validation:started": {
      readonly library: string;
      readonly schema: string;
      /** Bytes; absent where measuring would cost too much. */
      readonly dataSize?: number;
    };
    "validation:completed": {
      readonly library: string;
      readonly schema: string;
      readonly durationMs: number;
    };
    "validation:failed": {
      readonly library: string;
      readonly schema: string;
      readonly durationMs: number;
      /** The first of them. */
      readonly problems: readonly Problem[];
      readonly problemCount: number;
      /** Where the validator broke instead of judging. */
      readonly errorType?: string;
    };
  }
}

export interface WatchOptions {
  readonly includeMessages: boolean;
  readonly maxErrors: number;
  /** Whose schemas count besides the program's. */
  readonly makers: MakerOptions;
  /** Milliseconds. */
  readonly now: () => number;
}

/** What is particular to a library. */
export interface ValidatorReading {
  readonly library: string;
  /** False for what the program did not ask for. @default always */
  isAsked?(args: readonly unknown[], self: unknown): boolean;
  schemaName(args: readonly unknown[], self: unknown): string;
  document(args: readonly unknown[]): unknown;
  /** Reads what the validator returned: undefined where the document is valid, otherwise the raw problems. */
  problemsIn(returned: unknown): readonly unknown[] | undefined;
  /** Reads what it threw: undefined where that is not a judgement on the document. */
  problemsThrown(error: unknown): readonly unknown[] | undefined;
  describe(rawProblem: unknown, args: readonly unknown[], self: unknown): Problem;
}

const maxNameLength = 200;

export function wantsAny(host: PluginHost): boolean {
  return (
    host.wants("validation:started") || host.wants("validation:completed") || host.wants("validation:failed")
  );
}

/** Only the outermost validation counts: those that a validator runs inside it are parts of it. */
export function watchValidation(host: PluginHost, options: WatchOptions, reading: ValidatorReading): Watch {
  const { library } = reading;

  return function validationBegins(args, self) {
    const wantsStart = host.wants("validation:started");
    const wantsCompleted = host.wants("validation:completed");
    const wantsFailed = host.wants("validation:failed");
    if (!wantsStart && !wantsCompleted && !wantsFailed) return undefined;
    if (isInsideWatchedCall(host) || reading.isAsked?.(args, self) === false) return undefined;

    const name = reading.schemaName(args, self);
    const schema = name.length > maxNameLength ? cutText(name, maxNameLength) : name;
    if (wantsStart) {
      const dataSize = sizeInBytes(reading.document(args));
      host.publish("validation:started", { library, schema, ...(dataSize !== undefined && { dataSize }) });
    }
    if (!wantsCompleted && !wantsFailed) return undefined;
    const startedAt = options.now();
    /** Milliseconds, to the microsecond. */
    const elapsed = (): number => Math.round((options.now() - startedAt) * 1000) / 1000;

    function describeOne(problem: unknown): Problem {
      return withoutContent(reading.describe(problem, args, self));
    }

    function failed(raw: readonly unknown[], errorType?: string): void {
      if (!wantsFailed) return;
      host.publish("validation:failed", {
        library,
        schema,
        durationMs: elapsed(),
        problems: raw.slice(0, options.maxErrors).map(describeOne),
        problemCount: raw.length,
        ...(errorType !== undefined && { errorType }),
      });
    }

    return {
      returned(value) {
        const problems = reading.problemsIn(value);
        if (problems !== undefined) failed(problems);
        else if (wantsCompleted) {
          host.publish("validation:completed", { library, schema, durationMs: elapsed() });
        }
      },
      threw(error) {
        const problems = reading.problemsThrown(error);
        if (problems !== undefined) failed(problems);
        else failed([], error instanceof Error ? error.name : typeof error);
      },
    };
  };

  /** Messages can quote the document. */
  function withoutContent({ path, rule, message }: Problem): Problem {
    return options.includeMessages && message !== undefined ? { path, rule, message } : { path, rule };
  }
}

/** Reads a member of something of unknown shape. */
export function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

/** Returns undefined for what is no list. */
export function listIn(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** Takes the first text among several that is not empty. */
export function firstText(...candidates: readonly unknown[]): string | undefined {
  return candidates.find((text): text is string => typeof text === "string" && text !== "");
}
