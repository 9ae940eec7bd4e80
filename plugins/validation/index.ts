/** The validation plugin: documents that are checked, and how that ends. */
import { checkOptions, definePlugin, type MakerOptions } from "mova-webhooks/plugin";
import { ajvInstance, ajvModule, ajvValidator } from "./ajv.ts";
import { movaValidator } from "./mova.ts";
import type { Problem, WatchOptions } from "./watch-validation.ts";
import { standardSchema } from "./standard-schema.ts";
import { zodModules, zodSchema } from "./zod.ts";

export type { Problem } from "./watch-validation.ts";

export interface ValidationOptions extends MakerOptions {
  /** Sends the validators' messages along, which can quote the document. @default false */
  readonly includeMessages?: boolean;
  /** How many errors one event lists; `error_count` tells them all. @default 20 */
  readonly maxErrors?: number;
  /** Milliseconds, for durations. @default performance.now */
  readonly now?: () => number;
}

type ValidationEvents = {
  "validation.started": { readonly schema: string; readonly data_size?: number; readonly library?: string };
  "validation.completed": {
    readonly schema: string;
    readonly valid: true;
    readonly errors: readonly never[];
    readonly duration_ms?: number;
    readonly library?: string;
  };
  "validation.failed": {
    readonly schema: string;
    readonly valid: false;
    readonly errors: readonly Problem[];
    readonly error_count: number;
    /** Where the validator broke instead of judging. */
    readonly error_type?: string;
    readonly duration_ms?: number;
    readonly library?: string;
  };
};

const notNegative = {
  expected: "a number from 0",
  fits: (value: unknown) => typeof value === "number" && value >= 0,
};

/** Watches Ajv, zod, schemas that speak Standard Schema, and validators of MOVA's shape. */
export function validation(given: ValidationOptions = {}) {
  checkOptions("validation", given, {
    ...{ includeMessages: "boolean", maxErrors: notNegative, now: "function" },
    ...{ include: "string[]", exclude: "string[]" },
  });
  const { includeMessages = false, maxErrors = 20, now = () => performance.now(), ...makers } = given;
  const options: WatchOptions = { includeMessages, maxErrors, now, makers };
  return definePlugin<"validation", ValidationEvents>({
    contract: 1,
    name: "validation",
    events: {
      "validation.started": {
        summary: "The validation of a document started.",
        example: { schema: "user_schema", data_size: 1024, library: "ajv" },
      },
      "validation.completed": {
        summary: "A document was found valid.",
        example: { schema: "user_schema", valid: true, errors: [], duration_ms: 1.4, library: "ajv" },
      },
      "validation.failed": {
        summary: "A document was found invalid, or its validation broke.",
        example: {
          schema: "user_schema",
          valid: false,
          errors: [{ path: "/age", rule: "minimum" }],
          error_count: 1,
          duration_ms: 1.6,
          library: "ajv",
        },
      },
    },
    translate: {
      "validation:started": ({ schema, dataSize, library }) => ({
        type: "validation.started",
        data: { schema, ...(dataSize !== undefined && { data_size: dataSize }), library },
      }),
      "validation:completed": ({ schema, durationMs, library }) => ({
        type: "validation.completed",
        data: { schema, valid: true, errors: [], duration_ms: durationMs, library },
      }),
      "validation:failed": ({ schema, problems, problemCount, errorType, durationMs, library }) => ({
        type: "validation.failed",
        data: {
          schema,
          valid: false,
          errors: problems,
          error_count: problemCount,
          ...(errorType !== undefined && { error_type: errorType }),
          duration_ms: durationMs,
          library,
        },
      }),
    },
    instrument: {
      objects: [
        ajvInstance(options),
        ajvValidator(options),
        zodSchema(options),
        standardSchema(options),
        movaValidator(options),
      ],
      modules: [ajvModule(options), ...zodModules(options)],
    },
  });
}
