/** Published as `mova-webhooks/testing`: conformance suites for outboxes and plugins, and fakes that are real servers. */
export { type Answer, type FakeEndpoint, fakeEndpoint, type ReceivedRequest } from "./fake-endpoint.ts";
