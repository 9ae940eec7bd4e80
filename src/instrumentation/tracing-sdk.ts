/** Starts OpenTelemetry's SDK for a program that has none, where its environment says where the traces go. */
import { createRequire } from "node:module";
import { ProxyTracerProvider, trace, type TracerProvider } from "@opentelemetry/api";
import { giveWay } from "./give-way.ts";

export interface TracingSdk {
  /** Sends what is held back. Never rejects. */
  flush(): Promise<void>;
}

const endpointVariables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/**
 * Exporter, sampler, resource and limits are those of the standard `OTEL_*` variables. Without one that names an
 * exporter or an endpoint nothing is loaded: the SDK would export to a collector that is not there. A program that
 * registers an SDK later has that one.
 */
export async function startTracing(env: NodeJS.ProcessEnv): Promise<TracingSdk | undefined> {
  if (!asksForTraces(env) || registeredProvider() !== undefined) return undefined;
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const sdk = withoutLogs(() => {
    const starting = new NodeSDK({ metricReaders: [], logRecordProcessors: [] });
    starting.start();
    return starting;
  });
  const provider = registeredProvider();
  let isReplaced = false;
  giveWay(provider, () => {
    isReplaced = true;
    sdk.shutdown().catch(() => undefined);
  });
  return {
    async flush() {
      if (!isReplaced && provider !== undefined) await forceFlush(provider).catch(() => undefined);
    },
  };
}

/** What is used of the API for logs, which only the SDK depends on. */
interface LogsApi {
  readonly logs: { getLoggerProvider(): object; disable(): void };
}

/** Only traces are made here: the empty logger provider that the SDK registers would keep the program's own out. */
function withoutLogs<Result>(start: () => Result): Result {
  const sdk = createRequire(import.meta.url).resolve("@opentelemetry/sdk-node");
  const { logs } = createRequire(sdk)("@opentelemetry/api-logs") as LogsApi;
  const before = logs.getLoggerProvider();
  const result = start();
  if (logs.getLoggerProvider() !== before) logs.disable();
  return result;
}

function asksForTraces(env: NodeJS.ProcessEnv): boolean {
  if (env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true") return false;
  const exporter = env["OTEL_TRACES_EXPORTER"]?.trim() ?? "";
  if (exporter !== "") return exporter !== "none";
  return endpointVariables.some((name) => (env[name] ?? "") !== "");
}

/** The API's own provider stands in for one that is not registered yet. */
function registeredProvider(): TracerProvider | undefined {
  const provider = trace.getTracerProvider();
  if (!(provider instanceof ProxyTracerProvider)) return provider;
  return provider.getDelegateTracer("mova-webhooks") === undefined ? undefined : provider.getDelegate();
}

async function forceFlush(provider: object): Promise<void> {
  if ("forceFlush" in provider && typeof provider.forceFlush === "function") await provider.forceFlush();
}
