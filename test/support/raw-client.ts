/** An HTTP client that sends exactly the bytes it is given and reads one answer after the other. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export class RawClient {
  readonly socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake = (): void => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    // A reset is one of the things looked for; it ends the reading.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return new RawClient(socket);
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Sends the head of a POST, with its length unless it is undefined. */
  sendHead(path: string, headers: Readonly<Record<string, string>>, length: number | undefined): void {
    const lines = Object.entries({
      host: "127.0.0.1",
      ...headers,
      ...(length === undefined ? {} : { "content-length": String(length) }),
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.send(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  }

  /** Returns the next answer, or undefined where the connection ended before one was whole. */
  async answer(): Promise<RawAnswer | undefined> {
    for (;;) {
      const answer = this.#take();
      if (answer !== undefined) return answer;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Resolves when the connection is closed. */
  async closed(): Promise<void> {
    while (!this.#ended) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  #take(): RawAnswer | undefined {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return undefined;
    const head = this.#received.subarray(0, end).toString("latin1");
    const rest = this.#received.subarray(end + 4);
    const status = Number(head.split(" ", 2)[1]);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (status < 200) return this.#cut(end + 4, { status, head, body: "" });
    if (!Number.isNaN(length)) {
      if (rest.length < length) return undefined;
      return this.#cut(end + 4 + length, { status, head, body: rest.subarray(0, length).toString() });
    }
    const last = rest.indexOf("0\r\n\r\n");
    if (last < 0) return undefined;
    return this.#cut(end + 4 + last + 5, { status, head, body: rest.subarray(0, last).toString() });
  }

  #cut(bytes: number, answer: RawAnswer): RawAnswer {
    this.#received = this.#received.subarray(bytes);
    return answer;
  }
}
