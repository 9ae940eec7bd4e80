/** Published as `mova-webhooks/transforms`: bodies for receivers that want another shape, for an endpoint's `transform`. */
/// <reference types="node" preserve="true" />
export { type CloudEventsOptions, cloudEventsBinary, cloudEventsStructured } from "./cloud-events.ts";
export { discord } from "./discord.ts";
export { slack } from "./slack.ts";
export type { Text } from "./event-text.ts";
export type { TransformedEvent } from "../event/sending-settings.ts";
