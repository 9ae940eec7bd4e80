/** Reads a received body up to a limit, from a Node stream or a fetch body, and knows when it came to no proper end. */
import type { Readable } from "node:stream";

/** The body came to no end: its sender went away, or took too long. */
export class BodyBroken extends Error {}

/** Resolves with all bytes, or with more than `maxBytes` as soon as there are more. Leaves the stream open. */
export function readStream(stream: Readable, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    function take(chunk: unknown): void {
      const bytes = bytesOf(chunk);
      if (bytes === undefined) return settle(broken);
      chunks.push(bytes);
      length += bytes.length;
      if (length <= maxBytes) return;
      stream.pause();
      settle(whole);
    }
    function whole(): void {
      resolve(Buffer.concat(chunks, length));
    }
    function broken(): void {
      reject(new BodyBroken("The body broke off"));
    }
    function settle(how: () => void): void {
      stream.off("data", take).off("end", atEnd).off("close", atClose);
      how();
    }
    function atEnd(): void {
      settle(whole);
    }
    function atClose(): void {
      settle(broken);
    }
    // An error is always followed by a close, and one that nobody hears would end the process.
    stream.on("error", ignore);
    if (stream.destroyed || stream.readableEnded) return broken();
    stream.on("data", take).once("end", atEnd).once("close", atClose);
    // Somebody may have paused it before.
    stream.resume();
  });
}

/** Reads one fetch body in two parts: up to a limit, and what is left, which nobody wants. */
export class FetchBody {
  readonly #stream: ReadableStream<unknown> | null;
  #reader: ReadableStreamDefaultReader<unknown> | undefined;
  #over: boolean;

  constructor(request: Request) {
    this.#stream = request.bodyUsed || request.body?.locked === true ? null : request.body;
    this.#over = this.#stream === null;
  }

  /** True where nothing is left to read. */
  get over(): boolean {
    return this.#over;
  }

  async read(maxBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    while (length <= maxBytes) {
      const chunk = await this.#next();
      if (chunk === undefined) break;
      chunks.push(chunk);
      length += chunk.length;
    }
    return Buffer.concat(chunks, length);
  }

  /** Reads up to so many bytes more and throws them away. Never rejects. */
  async skip(maxBytes: number): Promise<void> {
    try {
      for (let length = 0; length <= maxBytes && !this.#over; ) length += (await this.#next())?.length ?? 0;
    } catch {
      // It broke off: nothing is left.
    }
  }

  /** Leaves what is left unread. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    // Of a body that a read still waits for this may never settle.
    void (this.#reader ?? this.#stream)?.cancel().catch(ignore);
  }

  async #next(): Promise<Buffer | undefined> {
    if (this.#over) return undefined;
    try {
      this.#reader ??= this.#stream?.getReader();
      const result = await this.#reader?.read();
      if (result === undefined || result.done) {
        this.#over = true;
        return undefined;
      }
      const bytes = bytesOf(result.value);
      if (bytes !== undefined) return bytes;
    } catch {
      this.#over = true;
    }
    throw new BodyBroken("The body broke off");
  }
}

function bytesOf(chunk: unknown): Buffer | undefined {
  if (!(chunk instanceof Uint8Array)) return undefined;
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function ignore(): void {}
