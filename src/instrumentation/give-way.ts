/** Lets a program that registers an OpenTelemetry SDK of its own replace the one that was started for it. */
import { context, diag, propagation, trace, type Tracer, type TracerProvider } from "@opentelemetry/api";

/**
 * The API refuses a second registration; here the first of each kind that follows takes the place of what is
 * registered. `letGo` is called once the tracer provider is replaced. Tracers that `provider` handed out make spans of
 * the new one from then on: programs ask for tracers before they register.
 */
export function giveWay(provider: TracerProvider | undefined, letGo: () => void): void {
  let isReplaced = false;
  replaceOnce(diag, "setLogger");
  replaceOnce(context, "setGlobalContextManager");
  replaceOnce(propagation, "setGlobalPropagator");
  replaceOnce(trace, "setGlobalTracerProvider", () => {
    isReplaced = true;
    letGo();
  });
  if (provider !== undefined) forwardSpans(provider, () => isReplaced);
}

type Method = (...given: never[]) => unknown;

function replaceOnce(part: { disable(): void }, method: string, replaced = (): void => {}): void {
  const register = Reflect.get(part, method) as Method;
  let isOurs = true;
  function registerInOurPlace(...given: never[]): unknown {
    if (!isOurs) return Reflect.apply(register, part, given);
    isOurs = false;
    part.disable();
    const registered = Reflect.apply(register, part, given);
    replaced();
    return registered;
  }
  Reflect.set(part, method, registerInOurPlace);
}

function forwardSpans(provider: TracerProvider, isReplaced: () => boolean): void {
  const getTracer = provider.getTracer.bind(provider);
  const forwarding = new WeakSet<Tracer>();
  /** The new provider may make its spans with the one that it replaces. */
  let isForwarded = false;
  provider.getTracer = function getForwardingTracer(...named) {
    const tracer = getTracer(...named);
    // The SDK hands out one object for all who give the same name.
    if (forwarding.has(tracer)) return tracer;
    forwarding.add(tracer);
    const startSpan = tracer.startSpan.bind(tracer);
    // `startActiveSpan` of the SDK calls it too.
    tracer.startSpan = (...given) => {
      if (!isReplaced() || isForwarded) return startSpan(...given);
      isForwarded = true;
      try {
        return trace
          .getTracerProvider()
          .getTracer(...named)
          .startSpan(...given);
      } finally {
        isForwarded = false;
      }
    };
    return tracer;
  };
}
