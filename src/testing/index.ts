/** Published as `mova-webhooks/testing`: conformance suites for outboxes and plugins, and fakes that are real servers. */
/// <reference types="node" preserve="true" />
export { type CollectedDraft, type CollectingHost, collectingHost, translate } from "./collecting-host.ts";
export { type Answer, type FakeEndpoint, fakeEndpoint, type ReceivedRequest } from "./fake-endpoint.ts";
export { type LlmBehaviour, type LlmServer, startLlmServer } from "./llm-server.ts";
export { type OutboxCase, outboxSuite, type OutboxSubject, reasonToSkip } from "./outbox-suite.ts";
export { type PluginCase, pluginSuite } from "./plugin-suite.ts";
