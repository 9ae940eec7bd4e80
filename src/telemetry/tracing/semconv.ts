/**
 * Names of span attributes.
 *
 * Copied from the OpenTelemetry semantic conventions 1.44, because `messaging.*` and `cloudevents.*` are still
 * in development there and a library must not change names when a dependency does.
 */

/** Name of the tracer: by it a processor or a sampler recognises the spans of this package. */
export const TRACER_NAME = "mova-webhooks";

export const MESSAGING_SYSTEM = "messaging.system";
export const MESSAGING_SYSTEM_MOVA = "mova";
export const MESSAGING_OPERATION_NAME = "messaging.operation.name";
export const MESSAGING_OPERATION_TYPE = "messaging.operation.type";
/** The event type: few values, unlike the endpoint's URL. */
export const MESSAGING_DESTINATION_NAME = "messaging.destination.name";
export const MESSAGING_MESSAGE_ID = "messaging.message.id";
export const MESSAGING_BATCH_MESSAGE_COUNT = "messaging.batch.message_count";

export const CLOUDEVENTS_EVENT_ID = "cloudevents.event_id";
export const CLOUDEVENTS_EVENT_SOURCE = "cloudevents.event_source";
export const CLOUDEVENTS_EVENT_TYPE = "cloudevents.event_type";

export const HTTP_REQUEST_METHOD = "http.request.method";
export const HTTP_REQUEST_RESEND_COUNT = "http.request.resend_count";
export const HTTP_RESPONSE_STATUS_CODE = "http.response.status_code";
export const SERVER_ADDRESS = "server.address";
export const SERVER_PORT = "server.port";
/** Holds the origin only: the path of a webhook URL is often its password. */
export const URL_FULL = "url.full";
/** The outcome word of a failed attempt, or the code of an error; absent on success. */
export const ERROR_TYPE = "error.type";

export const MOVA_ENDPOINT_ID = "mova.webhook.endpoint.id";
export const MOVA_DELIVERY_ID = "mova.webhook.delivery.id";
export const MOVA_ATTEMPT = "mova.webhook.attempt";
