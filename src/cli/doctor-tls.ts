/** The doctor's look at an endpoint's TLS: does it answer, is its certificate good, and for how long? */
import type { TLSSocket } from "node:tls";
import type { Endpoint } from "../event/endpoint.ts";
import { type NetworkOptions, resolvePolicy } from "../security/network-policy.ts";
import type { Finding } from "./doctor-finding.ts";

const soonMs = 14 * 86_400_000;

/** Opens one connection, as a delivery would, and sends nothing. */
export async function checkTls({ id, url, timeoutMs }: Endpoint, network: NetworkOptions): Promise<Finding> {
  const { createGuardedConnector } = await import("../security/connector.ts");
  const connect = createGuardedConnector(resolvePolicy(network), { timeout: timeoutMs });
  const check = `endpoint ${id}`;
  const port = url.port === "" ? "443" : url.port;
  return new Promise((resolve) => {
    connect({ hostname: url.hostname, host: url.host, protocol: url.protocol, port }, (error, socket) => {
      if (error !== null) {
        const remedy = "Check that the host answers there, and that its certificate is valid for this name";
        const code = (error as NodeJS.ErrnoException).code ?? error.name;
        return resolve({ check, level: "fail", message: `TLS: ${code}`, remedy });
      }
      const { valid_to: validTo } = (socket as TLSSocket).getPeerCertificate();
      socket.destroy();
      const leftMs = Date.parse(validTo) - Date.now();
      const message = `TLS: its certificate is valid until ${validTo}`;
      return resolve(
        leftMs > soonMs
          ? { check, level: "ok", message }
          : { check, level: "warn", message, remedy: "Renew the certificate" },
      );
    });
  });
}
