/** Why a server cannot listen, and what helps. */
import { WebhookError } from "../event/errors.ts";

interface ListenProblem {
  readonly why: string;
  readonly remedy: string;
}

const problems: Readonly<Record<string, ListenProblem>> = {
  EADDRINUSE: {
    why: "the port is in use",
    remedy: "Choose another port, or stop what listens there; 0 takes a free one.",
  },
  EACCES: {
    why: "this user may not listen on the port",
    remedy: "Choose a port above 1023, or give the process that right.",
  },
  EADDRNOTAVAIL: {
    why: "this machine has no such address",
    remedy: "Listen on an address of this machine, such as 127.0.0.1.",
  },
};

export function cannotListen(host: string, port: number, cause: unknown): WebhookError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown error";
  const { why, remedy } = problems[code] ?? { why: code, remedy: "Choose another address or port." };
  return new WebhookError("CONFIG_INVALID", `Cannot listen on ${host}:${port}: ${why}`, { cause, remedy });
}
