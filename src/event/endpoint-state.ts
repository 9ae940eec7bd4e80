/** What a store keeps of an endpoint: whether it is on, how it fares, its settings; and the limits its claims keep. */

/** What holds for the deliveries of one endpoint over all processes of a store. */
export interface EndpointLimits {
  /** Posts that may begin within any `perMs` milliseconds. */
  readonly rate?: { readonly max: number; readonly perMs: number };
  /** Posts at once. */
  readonly concurrency?: number;
  /**
   * Says that the process keeps the limits itself while no other asks for the endpoint, and holds up to so many claims
   * beyond the concurrency meanwhile. A store of one process then need not count. @default it does not
   */
  readonly door?: number;
  /** Deliveries in one post, which counts as one for the rate. @default 1 */
  readonly perPost?: number;
  /** Whether a delivery that died keeps back the others of its order key, or they go on without it. @default "skip" */
  readonly order?: "block" | "skip";
}

/**
 * `paused`: events are stored for it and wait. `off`: they are not stored for it, and can be added later. Times are
 * Unix milliseconds.
 */
export interface EndpointState {
  readonly endpointId: string;
  readonly status: "on" | "paused" | "off";
  /** Why it has this status. */
  readonly reason?: string;
  /** Since when it has this status. */
  readonly since?: number;
  /** Who gave it this status: `code`, `api`, `cli`, `receiver`, or a name. */
  readonly by?: string;
  /** Since when nothing was delivered to it. */
  readonly failingSince?: number;
  /** When its open circuit is probed; absent where it is closed. */
  readonly circuitUntil?: number;
  readonly lastSuccessAt?: number;
  readonly lastFailureAt?: number;
}

/** Null takes a value away; what is not named stays. */
export type StateChange = {
  readonly [Field in Exclude<keyof EndpointState, "endpointId" | "status">]?: EndpointState[Field] | null;
} & { readonly status?: EndpointState["status"] };

/** An endpoint that is data. The store does not look into its settings. */
export interface StoredEndpoint {
  readonly id: string;
  /** JSON. */
  readonly settings: string;
}
