/** `mova-webhooks listen`: a receiver that verifies, prints, forwards, and fails when told to. */
import { cutText } from "../event/cut-text.ts";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import { once } from "node:events";
import { Command, InvalidArgumentError } from "commander";
import { readStream } from "../receiver/body-reader.ts";
import { letAnswerArrive } from "../receiver/read-on.ts";
import { WebhookReceiver } from "../receiver/receiver.ts";
import { cannotListen } from "../server/cannot-listen.ts";
import { generateSecret } from "../signing/key.ts";
import { jsonOption, readPort, readSecret, readUrl, secretOptions } from "./options.ts";
import { paint, print, say } from "./terminal.ts";
import { manager } from "../settings/manager.ts";
import { visible } from "./visible.ts";

/** One planned failure: an HTTP status, a request that is never answered, or a connection that is cut. */
type Failure = number | "hang" | "reset";

/** What belongs to one connection (RFC 9110 section 7.6.1), and what the next request gets anew. */
const hopHeaders: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"],
  ...["content-length", "expect", "host"],
]);

interface ListenOptions {
  readonly json: boolean;
  readonly secret?: string;
  readonly secretFile?: string;
  readonly host: string;
  readonly port: number;
  readonly fail: readonly Failure[];
  readonly forward?: string;
}

export function listenCommand(): Command {
  const command = new Command("listen")
    .description("Receive webhooks: verify them, print them, pass them on.")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on; 0 for a free one", readPort, 9465)
    .option(
      "--fail <plan>",
      "fail first: statuses, hang or reset, each with :times, such as 500:3,hang,reset",
      readPlan,
      [],
    )
    .option("--forward <url>", "pass verified requests on to this URL and answer what it answers", readUrl)
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  $ mova-webhooks listen --fail 500:3,hang --forward http://127.0.0.1:3000/hook",
    );
  for (const option of secretOptions()) command.addOption(option);
  return command.action(runListen);
}

async function runListen(options: ListenOptions): Promise<void> {
  const given =
    options.secret !== undefined ||
    options.secretFile !== undefined ||
    process.env[manager.fields.secret.variable];
  const secret = given ? readSecret(options) : generateSecret();
  const receiver = new WebhookReceiver({ secret });
  const movaReceiver = new WebhookReceiver({ secret, require: "mova" });
  const plan = [...options.fail];

  const server = createServer((request, response) => {
    letAnswerArrive(request, response);
    response.on("error", () => {});
    // No more than is verified: who sent it is not known yet.
    void readStream(request, receiver.maxBytes).then(
      (body) => answer(body, request.headers, response),
      () => response.destroy(),
    );
  });

  async function answer(body: Buffer, headers: IncomingHttpHeaders, response: ServerResponse): Promise<void> {
    const [standard, mova] = await Promise.all([
      receiver.receive(body, headers),
      movaReceiver.receive(body, headers),
    ]);
    const failure = plan.shift();
    const event = standard.ok ? standard.event : mova.ok ? mova.event : undefined;
    const seen = {
      attempt: cutText([headers["x-mova-attempt"] ?? "?"].flat().join(), 20),
      event_type: event?.event_type,
      id: event?.id,
      standard: standard.ok ? "verified" : standard.code,
      mova: mova.ok ? "verified" : mova.code,
      duplicate: standard.ok && standard.duplicate,
      ...(failure === undefined ? {} : { answered: failure }),
      data: event?.data,
    };
    print(seen, options.json, showSeen);
    if (failure === "hang") return;
    if (failure === "reset") {
      response.destroy();
      return;
    }
    if (failure !== undefined) return void response.writeHead(failure).end();
    if (!standard.ok && !mova.ok) {
      const { status, message } = standard;
      return void response.writeHead(status, { "content-length": Buffer.byteLength(message) }).end(message);
    }
    if (options.forward === undefined) return void response.writeHead(200).end();
    response.writeHead(await forward(options.forward, body, headers)).end();
  }

  server.listen(options.port, options.host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw cannotListen(options.host, options.port, cause);
  }
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  say(`Listening on http://${options.host}:${port}/. Ctrl-C ends.`);
  if (!given) say(`Secret for the sender: ${secret}`);
  const end = (): void => {
    server.close();
    server.closeAllConnections();
  };
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  await once(server, "close");
}

/** Passes the same bytes and headers on. Returns the status, 502 where nobody answers. */
async function forward(url: string, body: Buffer, headers: IncomingHttpHeaders): Promise<number> {
  const { request } = await import("undici");
  const kept = Object.fromEntries(Object.entries(headers).filter(([name]) => !hopHeaders.has(name)));
  try {
    const answer = await request(url, { method: "POST", body, headers: kept });
    await answer.body.dump();
    return answer.statusCode;
  } catch {
    say("forward: nobody answers");
    return 502;
  }
}

interface Seen {
  readonly attempt: string;
  readonly event_type: string | undefined;
  readonly id: string | undefined;
  readonly standard: string;
  readonly mova: string;
  readonly duplicate: boolean;
  readonly answered?: Failure;
  readonly data: unknown;
}

function showSeen(seen: Seen): string {
  const good = seen.standard === "verified" || seen.mova === "verified";
  const mark = good ? paint("green", "✓") : paint("red", "✗");
  const signatures = `webhook-signature ${seen.standard}, X-Mova-Signature ${seen.mova}`;
  const failed = seen.answered === undefined ? "" : `  → ${seen.answered}`;
  const what = good ? visible(`${seen.event_type}  ${seen.id}`) : "refused";
  const data = good ? `\n  ${visible(JSON.stringify(seen.data))}` : "";
  return `${mark} ${what}  attempt ${visible(seen.attempt)}  (${signatures})${failed}${data}`;
}

function readPlan(text: string): Failure[] {
  return text.split(",").flatMap((entry) => {
    const match = /^(hang|reset|[2-5]\d\d)(?::(\d{1,4}))?$/.exec(entry.trim());
    if (match === null)
      throw new InvalidArgumentError(
        "expected a plan such as 500:3,hang,reset, with statuses from 200 to 599",
      );
    const failure = match[1] === "hang" || match[1] === "reset" ? match[1] : Number(match[1]);
    return Array.from({ length: Number(match[2] ?? 1) }, (): Failure => failure);
  });
}
