/** How a change is made to an endpoint's state, in every store alike. */
import type { EndpointState, StateChange } from "../event/endpoint-state.ts";

/** Returns the state with what the change names; null takes a value away. */
export function changedState(state: EndpointState, change: StateChange): EndpointState {
  const changed = Object.entries({ ...state, ...change }).filter(
    ([, value]) => value !== null && value !== undefined,
  );
  return Object.fromEntries(changed) as unknown as EndpointState;
}
