// What SDK 3 has, under the names that the tests know it by from SDK 2.
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import * as sdk3 from "@opentelemetry/sdk-trace";

export * as core from "@opentelemetry/core";
export * from "@opentelemetry/sdk-trace";
export { TracerProvider as BasicTracerProvider } from "@opentelemetry/sdk-trace";

export class SimpleSpanProcessor extends sdk3.SimpleSpanProcessor {
  constructor(exporter) {
    super({ exporter });
  }
}

/** SDK 3 has no `register`: programs do this themselves. */
export class NodeTracerProvider extends sdk3.TracerProvider {
  register() {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    trace.setGlobalTracerProvider(this);
  }
}
