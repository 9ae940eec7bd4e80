/** The settings of the server. */
import { object } from "./composed.ts";
import { text, whole } from "./kinds.ts";
import { secretText } from "./secrets.ts";
import type { Fields } from "./setting.ts";

export interface ListenOptions {
  /** Beyond loopback a `token` must be set. @default "127.0.0.1" */
  readonly host?: string;
  /** 0 for a free one. @default 9464 */
  readonly port?: number;
  /** At least 16 visible ASCII characters: what callers send as `Authorization: Bearer`. */
  readonly token?: string;
}

const fields = {
  host: { ...text("an address or a host name"), default: "127.0.0.1" },
  port: { ...whole(0, 65_535), default: 9464 },
  // Its length is checked where it is to guard something: a client may name the token of an older server.
  token: { ...secretText, code: "CONFIG_INVALID", variable: "MOVA_WEBHOOK_TOKEN" },
} satisfies Fields<ListenOptions>;

export const listen = { ...object<ListenOptions>(fields), fields };
