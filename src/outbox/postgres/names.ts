/** Names of SQL, quoted: a schema of any name holds the tables, and every statement says which one. */

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** What a state is in the tables, by its place. */
export const states = ["pending", "delivering", "delivered", "dead"] as const;

/** The server's clock in Unix milliseconds: what leases and rates go by, because all processes share it. */
export const serverClock = "(extract(epoch FROM clock_timestamp()) * 1000)::float8";

/** Whether another delivery `o` of the same order key must end before `d` may go out. */
export function mustEndFirst(schema: string): string {
  return `FROM ${schema}.delivery o WHERE o.endpoint_id = d.endpoint_id AND o.order_key = d.order_key
    AND o.order_key IS NOT NULL AND o.state <> 2 AND o.id <> d.id
    AND (o.state = 1 OR (o.seq < d.seq AND (o.state = 0 OR (o.state = 3 AND o.blocks))))`;
}

/** Whether a waiting delivery `d` may go out, its time aside. */
export function mayGo(schema: string, now: string): string {
  return `(d.expires_at IS NULL OR d.expires_at > ${now})
    AND (d.order_key IS NULL OR NOT EXISTS (SELECT 1 ${mustEndFirst(schema)}))`;
}
