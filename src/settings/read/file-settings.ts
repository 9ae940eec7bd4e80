/** Finishes the section of a file: secrets are read from their files, and endpoints are checked beside each other. */
import type { WebhookEndpoint } from "../../event/endpoint.ts";
import { WebhookError } from "../../event/errors.ts";
import type { EndpointSettings } from "../endpoint.ts";
import { resolveEndpoint } from "../resolve-endpoint.ts";
import { secretText } from "../secrets.ts";
import { nameIn, type Path } from "../setting.ts";
import { readSecretFile } from "./secret-files.ts";
import type { Section } from "./section.ts";
import type { WebhookConfig } from "./webhook-config.ts";

export type FileSettings = Omit<WebhookConfig, "enabled" | "sourcePath" | "warnings"> & {
  readonly enabled?: boolean;
};

/** What a file without the section sets. */
export const nothing: FileSettings = { endpoints: [], plugins: [], network: {}, eventTypes: [] };

export interface FileReport {
  readonly mistakeAt: (path: Path, problem: string) => string;
  readonly leftOut: Set<string>;
  readonly mistakes: string[];
  readonly warnings: string[];
}

/** Relative paths of secrets start at `directory`. */
export function readSettings(section: Section, directory: string, report: FileReport): FileSettings {
  const { mistakeAt, leftOut, mistakes, warnings } = report;

  /** Replaces `secretFile` by what it holds. */
  function withSecret<T extends { secret?: unknown; secretFile?: string }>(
    path: Path,
    { secretFile, ...rest }: T,
  ): Omit<T, "secretFile"> {
    if (secretFile === undefined) return rest;
    const at = [...path, nameIn("file", "secretFile")];
    if (rest.secret !== undefined) mistakes.push(mistakeAt(at, "give `secret` or `secret_file`, not both"));
    const file = readSecretFile(secretFile, directory, warnings);
    if ("problem" in file) mistakes.push(mistakeAt(at, file.problem));
    else if ("problems" in secretText.read(file.secret, { place: "file" }))
      mistakes.push(mistakeAt(at, `the secret must be ${secretText.expected("file")}`));
    else return { ...rest, secret: file.secret };
    leftOut.add(path.length === 0 ? "secret" : "endpoints.secret");
    return rest;
  }

  const endpoints = (section.endpoints ?? []).map((endpoint: EndpointSettings, index) =>
    withSecret(["endpoints", index], endpoint),
  );
  checkEndpoints(endpoints, (index, problem) => mistakes.push(mistakeAt(["endpoints", index], problem)));
  return { ...nothing, ...withSecret([], section), endpoints };
}

/** Applies the rules every endpoint has, wherever it comes from. Code may still give the secret. */
function checkEndpoints(
  endpoints: readonly WebhookEndpoint[],
  mistake: (index: number, problem: string) => void,
): void {
  const ids = new Set<string>();
  for (const [index, endpoint] of endpoints.entries()) {
    try {
      const { id } = resolveEndpoint(endpoint, { secret: "given by code" });
      if (ids.has(id))
        mistake(index, `an endpoint before this one has the id \`${id}\`; give this one another \`id\``);
      ids.add(id);
    } catch (error) {
      if (!WebhookError.is(error)) throw error;
      mistake(index, error.detail);
      if (endpoint.id !== undefined) ids.add(endpoint.id);
    }
  }
}
