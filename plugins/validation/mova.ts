/** Watches validators of MOVA's shape: anything with `validateMovaFile`. */
import { hasMethods, type ObjectInstrumentation, watchMethod } from "mova-webhooks/plugin";
import {
  field,
  firstText,
  listIn,
  type Problem,
  type ValidatorReading,
  watchValidation,
  type WatchOptions,
} from "./watch-validation.ts";

export function movaValidator(options: WatchOptions): ObjectInstrumentation {
  return {
    library: "mova validator",
    recognises: (component) => hasMethods(component, "validateMovaFile"),
    attach(validator, host) {
      watchMethod(validator, "validateMovaFile", host, watchValidation(host, options, reading));
      return validator;
    },
  };
}

const reading: ValidatorReading = {
  library: "mova",
  schemaName: () => "mova",
  document: ([file]) => (isFileName(file) ? undefined : file),
  problemsIn,
  problemsThrown: (error) => listIn(field(error, "errors")),
  describe,
};

/** A text is the document when it begins like JSON, otherwise the name of a file, whose size is unknown here. */
function isFileName(file: unknown): boolean {
  return typeof file === "string" && !/^\s*[[{]/.test(file);
}

/** Reads `false`, `{ valid: false, errors }` and its relatives, and `[false, errors]`. */
function problemsIn(returned: unknown): readonly unknown[] | undefined {
  if (Array.isArray(returned)) return returned[0] === false ? (listIn(returned[1]) ?? []) : undefined;
  const verdict = [returned, ...["valid", "isValid", "success", "ok"].map((name) => field(returned, name))];
  return verdict.includes(false) ? (listIn(field(returned, "errors")) ?? []) : undefined;
}

function describe(error: unknown): Problem {
  const message = firstText(error, field(error, "message"));
  return {
    path: firstText(field(error, "path"), field(error, "instancePath"), field(error, "field")) ?? "",
    rule: firstText(field(error, "rule"), field(error, "keyword"), field(error, "code")) ?? "unknown",
    ...(message !== undefined && { message }),
  };
}
