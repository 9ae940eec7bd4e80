/** Starts OpenTelemetry's SDK for a program that has none, where its environment says where the traces go. */
import { ProxyTracerProvider, trace } from "@opentelemetry/api";

export interface TracingSdk {
  /** Sends what is held back. Never rejects. */
  flush(): Promise<void>;
}

const endpointVariables = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/**
 * Exporter, sampler, resource and limits are those of the standard `OTEL_*` variables. Without one that names an
 * exporter or an endpoint nothing is loaded: the SDK would export to a collector that is not there.
 */
export async function startTracing(env: NodeJS.ProcessEnv): Promise<TracingSdk | undefined> {
  if (!asksForTraces(env) || isProvided()) return undefined;
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  // Only traces are made here; the standard variables would also export metrics and logs of nobody.
  const sdk = new NodeSDK({ metricReaders: [], logRecordProcessors: [] });
  sdk.start();
  return { flush: () => flush().catch(() => undefined) };
}

function asksForTraces(env: NodeJS.ProcessEnv): boolean {
  if (env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true") return false;
  const exporter = env["OTEL_TRACES_EXPORTER"]?.trim() ?? "";
  if (exporter !== "") return exporter !== "none";
  return endpointVariables.some((name) => (env[name] ?? "") !== "");
}

/** The API's own provider stands in for one that is not registered yet. */
function isProvided(): boolean {
  const provider = trace.getTracerProvider();
  return (
    !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer("mova-webhooks") !== undefined
  );
}

async function flush(): Promise<void> {
  const provider = trace.getTracerProvider();
  const registered: object = provider instanceof ProxyTracerProvider ? provider.getDelegate() : provider;
  if ("forceFlush" in registered && typeof registered.forceFlush === "function")
    await registered.forceFlush();
}
