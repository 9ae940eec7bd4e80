/** Starts a receiver process and tells its URL. */
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free-port.ts";

export interface Receiver {
  readonly url: string;
  stop(): void;
}

export async function startReceiver(mode: "answer" | "hang" = "answer"): Promise<Receiver> {
  const program = fileURLToPath(new URL("programs/receiver.mjs", import.meta.url));
  const child = fork(program, [mode], { execArgv: [] });
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { url: `http://127.0.0.1:${message.port}/`, stop: () => child.disconnect() };
}

const nginx = "/usr/sbin/nginx";

/** Undefined where nginx is not installed. */
export async function startNginx(): Promise<Receiver | undefined> {
  if (!existsSync(nginx)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "mova-webhooks-nginx-"));
  const port = await freePort();
  const config = join(folder, "nginx.conf");
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `${name}_temp_path ${join(folder, name)};`,
  );
  writeFileSync(
    config,
    `daemon off; worker_processes 1; pid ${join(folder, "pid")}; error_log stderr emerg;
     events { worker_connections 1024; }
     http { access_log off; keepalive_requests 1000000; ${paths.join(" ")}
       server { listen 127.0.0.1:${port}; location / { return 200; } } }`,
  );
  const child = spawn(nginx, ["-p", folder, "-c", config], { stdio: "ignore" });
  await answering(port);
  return {
    url: `http://127.0.0.1:${port}/`,
    stop() {
      child.once("exit", () => rmSync(folder, { recursive: true }));
      child.kill();
    },
  };
}

async function answering(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    const answered = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
