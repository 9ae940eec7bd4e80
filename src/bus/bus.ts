/** The event bus: components say what happened, and listeners hear it at once. One that throws disturbs nobody. */
import { ignoreRejection } from "../event/at-once.ts";
import type { ComponentEvents, Topic } from "../event/component-event.ts";

type Listener<Name extends Topic> = (happened: ComponentEvents[Name]) => void;

interface Subscription {
  readonly owner: string;
  readonly listen: (happened: never) => void;
}

/** Hears that a listener threw. */
export type ListenerFailed = (failure: {
  readonly owner: string;
  readonly topic: string;
  readonly error: unknown;
}) => void;

export class Bus {
  readonly #subscriptions = new Map<string, readonly Subscription[]>();
  readonly #listenerFailed: ListenerFailed;

  constructor(listenerFailed: ListenerFailed) {
    this.#listenerFailed = listenerFailed;
  }

  /** Listens to a topic; the returned function ends it. `owner` names the listener where it throws. */
  on<Name extends Topic>(topic: Name, listen: Listener<Name>, owner = "listener"): () => void {
    const subscription: Subscription = { owner, listen };
    this.#subscriptions.set(topic, [...(this.#subscriptions.get(topic) ?? []), subscription]);
    return () => {
      const rest = (this.#subscriptions.get(topic) ?? []).filter((entry) => entry !== subscription);
      if (rest.length > 0) this.#subscriptions.set(topic, rest);
      else this.#subscriptions.delete(topic);
    };
  }

  /** Tells whether anybody listens, so that a component can skip measuring. */
  has(topic: Topic): boolean {
    return this.#subscriptions.has(topic);
  }

  /** Tells every listener, synchronously and in the order they came. Never throws. */
  publish<Name extends Topic>(topic: Name, happened: ComponentEvents[Name]): void {
    const subscriptions = this.#subscriptions.get(topic);
    if (subscriptions === undefined) return;
    for (const { owner, listen } of subscriptions) {
      try {
        const answer: unknown = (listen as (happened: ComponentEvents[Name]) => unknown)(happened);
        if (answer !== undefined)
          ignoreRejection(answer, (error) => this.#listenerFailed({ owner, topic, error }));
      } catch (error) {
        this.#listenerFailed({ owner, topic, error });
      }
    }
  }
}
