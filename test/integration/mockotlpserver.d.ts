/** The part of @elastic/mockotlpserver that tests use; the package has no types. */
declare module "@elastic/mockotlpserver" {
  export class MockOtlpServer {
    constructor(options: {
      readonly services: readonly ("http" | "grpc" | "ui")[];
      readonly httpHostname: string;
      readonly httpPort: number;
      readonly logLevel: string;
      readonly onTrace: (trace: unknown) => void;
      readonly onRequest: (request: { readonly headers?: Readonly<Record<string, string>> }) => void;
    });
    readonly httpUrl: string;
    start(): Promise<void>;
    close(): Promise<void>;
  }
  export function normalizeTrace(trace: unknown, options: { readonly normAttributes: boolean }): unknown;
}
