/** Compiled by the check, never run: what must and must not type-check for users. */
import {
  type Delivery,
  getWebhookManager,
  type Triggered,
  triggerValidationStarted,
  WebhookEventType,
  WebhookManager,
} from "mova-webhooks";
import { definePlugin } from "mova-webhooks/plugin";
import { cache, config, error, llm, redis, span, validation } from "mova-webhooks/plugins";

declare module "mova-webhooks/plugin" {
  interface ComponentEvents {
    "orders:paid": { readonly orderId: string; readonly cents: number };
  }
}

class Component {
  readonly size = 1;
}

export async function users(): Promise<void> {
  const webhooks = new WebhookManager({
    endpoints: [
      { url: "https://ops.example.com/hook", secret: "s", eventTypes: ["validation.*", "error.occurred"] },
    ],
    plugins: [
      ...[validation(), redis(), llm(), config()],
      { use: cache(), volume: { sample: 0.1, coalesce: { windowSeconds: 60, key: "key" } }, redact: ["key"] },
      { use: error(), redact: (data, type) => ({ type, fields: Object.keys(Object(data)) }) },
      span({ rules: [{ event: "span.slow", minDurationMs: 500, attributes: ["http.route"] }] }),
    ],
  });
  const component: Component = webhooks.instrument(new Component());
  const triggered: Triggered = await webhooks.triggerEvent(WebhookEventType.CACHE_UPDATED, {
    size: component.size,
  });
  const delivery: Delivery | undefined = await webhooks.get(triggered.deliveries[0] ?? "");
  webhooks.addEventHandler("validation.started", (event) => event.data);
  webhooks.bus.publish("orders:paid", { orderId: "1", cents: 100 });
  // @ts-expect-error a topic nobody declared
  webhooks.bus.publish("orders:lost", {});
  // @ts-expect-error a field is missing
  webhooks.bus.publish("orders:paid", { orderId: "1" });
  webhooks.use(orders, { volume: { maxPerSecond: 5 } });
  webhooks.reportError("what was thrown", { component: "checkout" });
  // @ts-expect-error span rules name types of the span plugin
  span({ rules: [{ event: "cache.slow" }] });
  // @ts-expect-error timeouts are numbers
  webhooks.addEndpoint({ url: "https://example.com", secret: "s", timeout: "30" });
  await triggerValidationStarted({ schema: "user_schema", data_size: 1024 });
  getWebhookManager().removeEndpoint(delivery?.endpointId ?? "");
}

export const orders = definePlugin({
  contract: 1,
  name: "orders",
  events: { "orders.paid": { summary: "An order was paid.", example: { order_id: "1" } } },
  translate: {
    "orders:paid": ({ orderId }) => ({ type: "orders.paid", data: { order_id: orderId } }),
  },
});

export const foreign = definePlugin({
  contract: 1,
  name: "orders",
  // @ts-expect-error the type is outside the plugin's prefix
  events: { "payments.paid": { summary: "A payment.", example: { order_id: "1" } } },
  translate: {},
});
