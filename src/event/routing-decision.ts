/** Why an endpoint gets an event, or why it does not: kept with the event, so that `explain` can tell. */

export type NotRoutedReason = "type" | "filter" | "filter_failed" | "transform_failed" | "disabled";

export type RoutingDecision =
  | { readonly endpointId: string; readonly routed: true; readonly pattern: string }
  | { readonly endpointId: string; readonly routed: false; readonly reason: NotRoutedReason };
