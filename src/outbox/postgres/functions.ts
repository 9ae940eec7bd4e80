/** The functions of the Postgres outbox, first version: a claim is one round trip, whatever limits it keeps. */
import { literal, mayGo, serverClock } from "./names.ts";

/** Gives up what those held who have not renewed in time. */
function takeOver(schema: string): string {
  return `
CREATE FUNCTION ${schema}.take_over() RETURNS void LANGUAGE plpgsql AS $mova$
DECLARE
  v_gone integer[];
BEGIN
  IF NOT EXISTS (SELECT 1 FROM ${schema}.holder WHERE alive_until < ${serverClock}) THEN
    RETURN;
  END IF;
  WITH gone AS (
    DELETE FROM ${schema}.holder WHERE id IN (
      SELECT id FROM ${schema}.holder WHERE alive_until < ${serverClock} FOR UPDATE SKIP LOCKED
    ) RETURNING id
  )
  SELECT array_agg(id) INTO v_gone FROM gone;
  IF v_gone IS NOT NULL THEN
    PERFORM ${schema}.give_up(v_gone);
  END IF;
END
$mova$;

CREATE FUNCTION ${schema}.give_up(p_holders integer[]) RETURNS void LANGUAGE plpgsql AS $mova$
BEGIN
  DELETE FROM ${schema}.holder WHERE id = ANY (p_holders);
  DELETE FROM ${schema}.asked WHERE holder = ANY (p_holders);
  UPDATE ${schema}.delivery SET state = 0, holder = NULL, version = version + 1
    WHERE state = 1 AND holder = ANY (p_holders);
END
$mova$;
`;
}

/** Picks due deliveries \`d\` that nobody else is picking. */
function pick(schema: string, which: string, limit: string): string {
  return `ARRAY(
    SELECT d.id FROM ${schema}.delivery d
    WHERE d.endpoint_id = p_endpoint AND d.state = 0 AND d.state <> 2 AND ${which} AND d.due_at <= p_now
      AND ${mayGo(schema, "p_now")}
    ORDER BY d.due_at, d.seq LIMIT ${limit} FOR UPDATE OF d SKIP LOCKED
  )`;
}

/**
 * Where limits or order keys are to be kept, claims of one endpoint come one after the other, each with a fresh look.
 * Elsewhere a claim need not reach the disk: what is lost with the server is due again.
 */
function claim(schema: string): string {
  return `
CREATE FUNCTION ${schema}.claim(
  p_endpoint text, p_limit integer, p_now float8, p_holder integer, p_odd boolean,
  p_rate_max float8, p_rate_ms float8, p_concurrency integer, p_per_post integer, p_order text
) RETURNS TABLE (
  id text, due_at float8, seq float8, version integer, attempt integer, replays integer, batch text,
  trace_id text, span_id text, expires_at float8, order_key text, content_body bytea, content_headers text,
  event_id text, type text, source text, created_at float8, body bytea, traceparent text, tracestate text,
  origin text, wait float8, stricter boolean
) LANGUAGE plpgsql AS $mova$
#variable_conflict use_column
DECLARE
  v_clock float8 := ${serverClock};
  v_room integer := p_limit;
  v_share integer;
  v_ids text[];
  v_wait float8;
  v_stricter boolean := false;
  v_block boolean;
  v_rate_max float8;
  v_rate_ms float8;
  v_concurrency integer;
  v_count float8;
  v_first float8;
BEGIN
  PERFORM ${schema}.take_over();
  PERFORM 1 FROM ${schema}.holder h WHERE h.id = p_holder FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the lease of this process ran out' USING ERRCODE = 'MW001';
  END IF;
  IF p_order IS NOT NULL THEN
    SELECT l.block INTO v_block FROM ${schema}.lane l WHERE l.endpoint_id = p_endpoint;
    IF coalesce(v_block, false) <> (p_order = 'block') THEN
      INSERT INTO ${schema}.lane AS l VALUES (p_endpoint, p_order = 'block')
        ON CONFLICT (endpoint_id) DO UPDATE SET block = excluded.block;
      UPDATE ${schema}.delivery d SET blocks = false
        WHERE d.endpoint_id = p_endpoint AND d.state = 3 AND d.state <> 2 AND d.blocks;
    END IF;
  END IF;
  IF p_rate_max IS NOT NULL OR p_concurrency IS NOT NULL
    OR EXISTS (SELECT 1 FROM ${schema}.asked a WHERE a.endpoint_id = p_endpoint)
    OR EXISTS (SELECT 1 FROM ${schema}.delivery d WHERE d.endpoint_id = p_endpoint
      AND d.order_key IS NOT NULL AND d.state <> 2)
  THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(${literal(schema)} || p_endpoint, 0));
    IF p_rate_max IS NULL AND p_concurrency IS NULL THEN
      DELETE FROM ${schema}.asked a WHERE a.endpoint_id = p_endpoint AND a.holder = p_holder;
    ELSE
      INSERT INTO ${schema}.asked AS a VALUES (p_endpoint, p_holder, p_rate_max, p_rate_ms, p_concurrency)
        ON CONFLICT (endpoint_id, holder) DO UPDATE
        SET rate_max = excluded.rate_max, rate_ms = excluded.rate_ms, concurrency = excluded.concurrency
        WHERE (a.rate_max, a.rate_ms, a.concurrency)
          IS DISTINCT FROM (excluded.rate_max, excluded.rate_ms, excluded.concurrency);
    END IF;
    SELECT a.rate_max, a.rate_ms INTO v_rate_max, v_rate_ms FROM ${schema}.asked a
      WHERE a.endpoint_id = p_endpoint AND a.rate_max IS NOT NULL ORDER BY a.rate_max / a.rate_ms LIMIT 1;
    SELECT min(a.concurrency) INTO v_concurrency FROM ${schema}.asked a WHERE a.endpoint_id = p_endpoint;
    v_stricter := v_concurrency IS DISTINCT FROM p_concurrency
      OR v_rate_max IS DISTINCT FROM p_rate_max OR v_rate_ms IS DISTINCT FROM p_rate_ms;
    IF v_concurrency IS NOT NULL THEN
      SELECT count(*) INTO v_count FROM ${schema}.delivery d
        WHERE d.endpoint_id = p_endpoint AND d.state = 1 AND d.state <> 2;
      v_room := least(v_room, greatest(0, v_concurrency * p_per_post - v_count::integer));
      IF v_room < p_limit THEN
        v_wait := 'Infinity';
      END IF;
    END IF;
    IF v_rate_max IS NOT NULL THEN
      DELETE FROM ${schema}.granted g WHERE g.endpoint_id = p_endpoint
        AND (g.at <= v_clock - v_rate_ms OR g.at > v_clock + v_rate_ms);
      SELECT coalesce(sum(g.posts), 0), min(g.at) INTO v_count, v_first
        FROM ${schema}.granted g WHERE g.endpoint_id = p_endpoint;
      IF greatest(0, v_rate_max - v_count) * p_per_post < v_room THEN
        v_room := (greatest(0, floor(v_rate_max - v_count)) * p_per_post)::integer;
        v_wait := coalesce(v_first, v_clock) + v_rate_ms - v_clock;
      END IF;
    END IF;
  ELSE
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  v_share := CASE WHEN p_odd THEN v_room / 2 ELSE (v_room + 1) / 2 END;
  v_ids := ${pick(schema, "NOT d.again", "v_share")};
  v_share := cardinality(v_ids);
  v_ids := v_ids || ${pick(schema, "d.again", "(v_room - v_share)")};
  IF cardinality(v_ids) < v_room THEN
    v_ids := v_ids || ${pick(schema, "NOT d.again AND d.id <> ALL (v_ids)", "(v_room - cardinality(v_ids))")};
  END IF;
  IF cardinality(v_ids) > 0 THEN
    UPDATE ${schema}.delivery d SET state = 1, holder = p_holder, version = d.version + 1 WHERE d.id = ANY (v_ids);
    IF v_rate_max IS NOT NULL THEN
      INSERT INTO ${schema}.granted
        VALUES (p_endpoint, v_clock, ceil(cardinality(v_ids)::float8 / p_per_post)::integer);
    END IF;
  END IF;
  IF v_wait IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM ${schema}.delivery d WHERE d.endpoint_id = p_endpoint AND d.state = 0 AND d.state <> 2
      AND d.due_at <= p_now AND ${mayGo(schema, "p_now")}
  ) THEN
    v_wait := NULL;
  END IF;
  RETURN QUERY SELECT d.id, d.due_at, d.seq::float8, d.version, d.attempt, d.replays, d.batch,
      d.trace_id, d.span_id, d.expires_at, d.order_key, d.content_body, d.content_headers,
      e.id, e.type, e.source, e.created_at, e.body, e.traceparent, e.tracestate, e.origin, v_wait, v_stricter
    FROM ${schema}.delivery d JOIN ${schema}.event e ON e.id = d.event_id WHERE d.id = ANY (v_ids);
  IF NOT FOUND THEN
    wait := v_wait;
    stricter := v_stricter;
    RETURN NEXT;
  END IF;
END
$mova$;
`;
}

export function functions(schema: string): string {
  return takeOver(schema) + claim(schema);
}
