/** The tables of the Postgres outbox, first version. Times are Unix milliseconds; states are numbers, as `names.ts` lists them. */

/**
 * `delivery_work` holds what is not delivered: claims, counts and what is due are read from it alone. Leases are the
 * holder's: one row is renewed for a process, however much it holds. Ids compare as bytes.
 */
export function tables(schema: string): string {
  return `
CREATE TABLE ${schema}.outbox_meta (
  version integer NOT NULL,
  states bigint NOT NULL DEFAULT 0,
  identity text NOT NULL DEFAULT gen_random_uuid()::text
);
INSERT INTO ${schema}.outbox_meta (version) VALUES (1);

CREATE TABLE ${schema}.holder (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alive_until float8 NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE ${schema}.event (
  id text COLLATE "C" PRIMARY KEY,
  type text NOT NULL,
  source text NOT NULL,
  created_at float8 NOT NULL,
  body bytea NOT NULL,
  traceparent text,
  tracestate text,
  origin text NOT NULL,
  decisions text NOT NULL
);
CREATE INDEX event_age ON ${schema}.event (created_at, id);

CREATE TABLE ${schema}.delivery (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" PRIMARY KEY,
  event_id text COLLATE "C" NOT NULL,
  event_type text NOT NULL,
  endpoint_id text COLLATE "C" NOT NULL,
  created_at float8 NOT NULL,
  due_at float8 NOT NULL,
  expires_at float8,
  state smallint NOT NULL DEFAULT 0,
  holder integer,
  version integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL DEFAULT 1,
  replays integer NOT NULL DEFAULT 0,
  again boolean NOT NULL DEFAULT false,
  blocks boolean NOT NULL DEFAULT false,
  order_key text COLLATE "C",
  reason text,
  batch text,
  trace_id text,
  span_id text,
  content_body bytea,
  content_headers text,
  attempts text[] NOT NULL DEFAULT '{}',
  interventions text[]
);
CREATE INDEX delivery_event ON ${schema}.delivery (event_id);
CREATE INDEX delivery_work ON ${schema}.delivery (endpoint_id, state, again, due_at, seq) WHERE state <> 2;
CREATE INDEX delivery_held ON ${schema}.delivery (holder) WHERE state = 1;
CREATE INDEX delivery_expiring ON ${schema}.delivery (expires_at) WHERE state = 0 AND expires_at IS NOT NULL;
CREATE INDEX delivery_order ON ${schema}.delivery (endpoint_id, order_key, seq)
  WHERE order_key IS NOT NULL AND state <> 2;
CREATE INDEX delivery_age ON ${schema}.delivery (created_at, seq);
CREATE INDEX delivery_endpoint ON ${schema}.delivery (endpoint_id, created_at, seq);
CREATE INDEX delivery_dead ON ${schema}.delivery (created_at, seq) WHERE state = 3;

CREATE TABLE ${schema}.missed (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  endpoint_id text COLLATE "C" NOT NULL,
  event_id text COLLATE "C" NOT NULL
);
CREATE INDEX missed_endpoint ON ${schema}.missed (endpoint_id, seq);
CREATE INDEX missed_event ON ${schema}.missed (event_id);

CREATE TABLE ${schema}.lane (
  endpoint_id text COLLATE "C" PRIMARY KEY,
  block boolean NOT NULL
);
CREATE TABLE ${schema}.asked (
  endpoint_id text COLLATE "C" NOT NULL,
  holder integer NOT NULL,
  rate_max float8,
  rate_ms float8,
  concurrency integer,
  PRIMARY KEY (endpoint_id, holder)
);
CREATE TABLE ${schema}.granted (
  endpoint_id text COLLATE "C" NOT NULL,
  at float8 NOT NULL,
  posts integer NOT NULL
);
CREATE INDEX granted_endpoint ON ${schema}.granted (endpoint_id, at);

CREATE TABLE ${schema}.endpoint (
  id text COLLATE "C" PRIMARY KEY,
  settings text NOT NULL
);
CREATE TABLE ${schema}.endpoint_state (
  endpoint_id text COLLATE "C" PRIMARY KEY,
  state text NOT NULL
);
`;
}
