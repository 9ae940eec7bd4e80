/** The provider that a program registers in place of ours, where it makes its spans with ours all the same. */
import { context, diag, propagation, trace, type Tracer, type TracerProvider } from "@opentelemetry/api";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { afterEach, expect, it } from "vitest";
import { giveWay } from "../../src/instrumentation/give-way.ts";

const setters = [
  [diag, "setLogger"],
  [context, "setGlobalContextManager"],
  [propagation, "setGlobalPropagator"],
  [trace, "setGlobalTracerProvider"],
] as const;

afterEach(() => {
  for (const [part, setter] of setters) {
    Reflect.deleteProperty(part, setter);
    part.disable();
  }
});

/** Ours, which gives way, and the names of the spans that it made. */
function registerOurs() {
  const exporter = new InMemorySpanExporter();
  const ours = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  trace.setGlobalTracerProvider(ours);
  giveWay(ours, () => undefined);
  return { namesOfOurs: () => exporter.getFinishedSpans().map(({ name }) => name) };
}

type Wrap = (found: TracerProvider, earlier: Tracer) => TracerProvider;

const wraps: [string, Wrap][] = [
  ["asks the provider that it found", (found) => ({ getTracer: (...named) => found.getTracer(...named) })],
  ["asks it by other names", (found) => ({ getTracer: (name) => found.getTracer(`own ${name}`) })],
  ["answers a tracer that was there", (_, earlier) => ({ getTracer: () => earlier })],
];

it.each(wraps)("a provider that %s makes each span once", (_, wrap) => {
  const { namesOfOurs } = registerOurs();
  const earlier = trace.getTracer("earlier");
  expect(trace.setGlobalTracerProvider(wrap(trace.getTracerProvider(), earlier))).toBe(true);
  trace.getTracer("app").startSpan("one").end();
  earlier.startActiveSpan("two", (active) => active.end());
  expect(namesOfOurs()).toEqual(["one", "two"]);
});

it("a provider that throws is asked again for the next span", () => {
  registerOurs();
  const earlier = trace.getTracer("earlier");
  const failing = new BasicTracerProvider();
  failing.getTracer = () => {
    throw new Error("the program's own");
  };
  trace.setGlobalTracerProvider(failing);
  for (const name of ["one", "two"]) expect(() => earlier.startSpan(name)).toThrow("the program's own");
});
