/** What the tables of README and docs list is what the code has, all of it. */
import { readdirSync } from "node:fs";
import { errorTable, WebhookManager, WebhookReceiver } from "mova-webhooks";
import * as plugins from "mova-webhooks/plugins";
import { fakeEndpoint } from "mova-webhooks/testing";
import { describe, expect, it } from "vitest";
import { verdictOf } from "../../src/delivery/policy/retry.ts";
import { endpoint as endpointSetting } from "../../src/settings/endpoint.ts";
import { manager as managerSetting } from "../../src/settings/manager.ts";
import { receiver as receiverSetting } from "../../src/settings/receiver.ts";
import { variables } from "../../src/settings/read/environment.ts";
import { section } from "../../src/settings/read/section.ts";
import { namedFields, type Setting } from "../../src/settings/setting.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import { outcomeOfStatus } from "../../src/delivery/http/response.ts";
import { outcomes } from "../../src/event/attempt-outcome.ts";
import { builtInEventTypes } from "../../src/event/event-types.ts";
import { dropReasons } from "../../src/telemetry/lifecycle.ts";
import { createApp } from "../../src/server/app.ts";
import type { Served, ServedParts } from "../../src/server/served.ts";
import { commandLine, leavesOf } from "../support/command-line.ts";
import {
  codes,
  everyText,
  firstCodes,
  manifest,
  membersOf,
  read,
  root,
  sorted,
  table,
} from "../support/pages.ts";

type Settings = Readonly<Record<string, Setting<unknown>>>;

/** The settings of a mapping of the configuration file by their keys, wherever in lists and choices it is. */
function inFile(setting: Setting<unknown> | undefined): Settings {
  const named = [...namedFields(setting?.fields ?? {}, "file")].map(([key, field]) => [key, field.setting]);
  const inside = (setting?.inside?.("file") ?? []).map(inFile);
  return Object.assign({}, Object.fromEntries(named), ...inside) as Settings;
}

/** All keys under a setting of the file, at any depth. */
function keysBelow(setting: Setting<unknown> | undefined): readonly string[] {
  return Object.entries(inFile(setting)).flatMap(([key, inner]) => [key, ...keysBelow(inner)]);
}

/** The defaults of an object of settings that have one, by their names in code. */
function defaultsOf(fields: Settings): Readonly<Record<string, string>> {
  const entries = Object.entries(fields).filter(([, { default: value }]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, { default: value }]) => [key, String(value)]));
}

/** A cell without its backticks. */
function plain(cell: string): string {
  return cell.replaceAll("`", "");
}

function camel(key: string): string {
  return key.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

describe("the list of", () => {
  it("commands has every command with its arguments and options", async () => {
    const shared = ["--json", "--config", "--secret", "--secret-file"];
    const real = (await commandLine())
      .flatMap((command) => leavesOf(command))
      .map(({ name, command }) => {
        const wanted = command.registeredArguments.map((argument) =>
          argument.required
            ? `<${argument.name()}>`
            : `[${argument.name()}${argument.variadic ? "..." : ""}]`,
        );
        const options = command.options.map((option) => option.long ?? "");
        return [[name, ...wanted].join(" "), sorted(options.filter((option) => !shared.includes(option)))];
      });
    const listed = table("Commands", "command").map(([usage, , options]) => [
      codes(usage)[0],
      sorted(codes(options)),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(Object.fromEntries(real) as object);
  });

  it("npm scripts has every script that is not a part of another", () => {
    const listed = table("Development", "command").map(([usage]) => codes(usage)[0]?.split(" ").at(-1));
    const parts = ["build", "start", "prepack", "pretest", "check", "format"];
    const whole = Object.keys(manifest.scripts).filter((name) => !parts.includes(name));
    expect(sorted(listed.map(String))).toEqual(sorted(whole));
  });

  it("methods has every method of the manager", () => {
    const real = Object.getOwnPropertyNames(WebhookManager.prototype).filter(
      (name) => name !== "constructor",
    );
    const listed = table("Library", "`WebhookManager`").flatMap(([methods]) => codes(methods));
    expect(sorted(listed.map((usage) => usage.replace(/\(.*/, "")))).toEqual(sorted(real));
  });

  it("endpoint options has every option, in code and file", () => {
    const rows = table("Endpoint options", "option");
    const real = [
      ...membersOf("src/event/endpoint.ts", "WebhookEndpoint"),
      ...membersOf("src/event/sending-settings.ts", "SendingSettings"),
    ];
    expect(sorted(firstCodes(rows))).toEqual(sorted(real));
    const { secret_file: _file, ...inTheFile } = inFile(endpointSetting);
    expect(sorted([...Object.keys(inTheFile).map(camel), "filter", "transform"])).toEqual(sorted(real));
    expect(sorted(namedFields(endpointSetting.fields, "code").keys())).toEqual(sorted(real));
    const listed = Object.fromEntries(rows.map(([option, value = ""]) => [codes(option)[0], plain(value)]));
    expect(listed).toMatchObject({
      ...defaultsOf(endpointSetting.fields),
      disableAfter: `${endpointSetting.fields.disableAfter.default} (5 days)`,
    });
    const { circuitBreaker } = resolveEndpoint({ url: "https://example.com", secret: "a secret" });
    const { failures, waitMs = 0, maxWaitMs = 0 } = circuitBreaker ?? {};
    expect(listed["circuitBreaker"]).toBe(
      `{ failures: ${failures}, wait: ${waitMs / 1000}, maxWait: ${maxWaitMs / 1000} }`,
    );
  });

  it("receiver options has every option", () => {
    const rows = table("Receiver options", "option");
    const { fields } = receiverSetting;
    expect(sorted(firstCodes(rows))).toEqual(sorted(Object.keys(fields)));
    expect(sorted(Object.keys(fields))).toEqual(
      sorted(membersOf("src/receiver/receiver.ts", "WebhookReceiverOptions")),
    );
    const listed = Object.fromEntries(rows.map(([option, value = ""]) => [codes(option)[0], plain(value)]));
    expect(listed).toMatchObject(defaultsOf(fields));
  });

  it("what answers mean agrees with the rules", () => {
    const rows = table("Endpoint options", "answer").filter(([answer]) => /^\dxx|^410/.test(answer ?? ""));
    expect(rows).toHaveLength(3);
    for (const [answers = "", meaning = ""] of rows) {
      for (const [answer] of answers.matchAll(/\d(?:xx|\d\d)/g)) {
        const status = Number(answer.replace("xx", "00"));
        const verdict = verdictOf({ outcome: outcomeOfStatus(status), durationMs: 1, status });
        expect(meaning, answer).toMatch(new RegExp(`^${verdict}`));
      }
    }
    const listed = table("Endpoint options", "answer").flatMap(([answer]) => codes(answer));
    expect(listed).toEqual(["webhook-delivery: abort-message", "webhook-delivery: disable"]);
    expect(verdictOf({ outcome: "http_4xx", durationMs: 1, status: 404 })).toBe("dead");
    expect(verdictOf({ outcome: "blocked", durationMs: 1 })).toBe("dead");
  });

  it("configuration keys has every key, option and variable", () => {
    const rows = table("Configuration", "in the file");
    const keys = rows.flatMap(([key]) => codes(key));
    const settings = inFile(section);
    expect(keys).toEqual(Object.keys(settings));
    for (const [key, , , , meaning = ""] of rows) {
      const name = codes(key)[0];
      if (name === undefined || name === "endpoints") continue;
      for (const below of keysBelow(settings[name]))
        expect(meaning, `${name}.${below}`).toMatch(new RegExp(`\\b${below}\\b`));
    }
    const onlyInCode = table("Configuration", "only in code");
    const inCode = [...rows.flatMap(([, code]) => codes(code)), ...firstCodes(onlyInCode)];
    expect(sorted(inCode)).toEqual(sorted(namedFields(managerSetting.fields, "code").keys()));
    expect(sorted(inCode)).toEqual(
      sorted(membersOf("src/manager/manager-options.ts", "WebhookManagerOptions")),
    );
    const listed = rows.flatMap(([, , variable]) => codes(variable));
    expect(sorted(listed)).toEqual(sorted(variables.map(({ name }) => name)));
    const defaults = Object.fromEntries([
      ...rows.map(([, code, , value = ""]) => [codes(code)[0], plain(value)]),
      ...onlyInCode.map(([code, value = ""]) => [codes(code)[0], plain(value)]),
    ]) as object;
    expect(defaults).toMatchObject(defaultsOf(managerSetting.fields));
  });

  it("environment variables leaves out none that the sources read", () => {
    const sources = readdirSync(`${root}src`, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const names = sources.flatMap(
      (name) => read(`src/${name}`).match(/"(?:MOVA_WEBHOOK|OTEL|NO)_[A-Z_]+"/g) ?? [],
    );
    const unnamed = [...new Set(names)].filter((name) => !everyText.includes(name.slice(1, -1)));
    expect(unnamed).toEqual([]);
  });

  it("plugins has every built-in plugin with all its events", () => {
    const rows = table("Plugins", "plugin");
    const listed = rows.map(([name, , events]) => [codes(name)[0]?.replace("()", ""), sorted(codes(events))]);
    const real = Object.entries(plugins).map(([name, create]) => [
      name,
      sorted(Object.keys(create().events)),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(Object.fromEntries(real) as object);
    expect(builtInEventTypes.filter((type) => !everyText.includes(`\`${type}\``))).toEqual([]);
  });

  it("libraries has every library that is patched, with its versions", () => {
    const ranges = new Map<string, { from: string; below: string; plugin: string }>();
    for (const [plugin, create] of Object.entries(plugins)) {
      const patched = (
        create() as { instrument?: { modules?: readonly { module: string; versions: string }[] } }
      ).instrument;
      for (const { module, versions } of patched?.modules ?? []) {
        const [, from = "", below = ""] = /^>=(\S+) <(\S+)$/.exec(versions) ?? [];
        const known = ranges.get(module);
        ranges.set(module, {
          from:
            known !== undefined && Number.parseFloat(known.from) < Number.parseFloat(from)
              ? known.from
              : from,
          below:
            known !== undefined && Number.parseFloat(known.below) > Number.parseFloat(below)
              ? known.below
              : below,
          plugin,
        });
      }
    }
    const real = [...ranges].map(([module, { from, below, plugin }]) => {
      const [first, last] = [from.replace(/(\.0)+$/, ""), String(Number.parseInt(below, 10) - 1)];
      return [module, first === last ? first : `${first} to ${last}`, plugin];
    });
    const listed = table("Zero code in detail", "library").map(([library, versions, plugin]) => [
      codes(library)[0],
      versions,
      plugin?.split(" ")[0],
    ]);
    expect(sorted(listed.map(String))).toEqual(sorted(real.map(String)));
  });

  it("span rules and volume options has every option", () => {
    const rules = table("Plugin options", "rule").flatMap(([rule]) => codes(rule));
    expect(sorted(rules)).toEqual(sorted(membersOf("plugins/span/rule.ts", "SpanRule")));
    const volume = firstCodes(table("Plugin options", "option"));
    expect(volume).toEqual([...membersOf("src/settings/plugin-use.ts", "Volume"), "redact"]);
  });

  it("verdicts has every verdict of an explanation", () => {
    const [, verdicts = ""] = /readonly verdict: (.*);/.exec(read("src/routing/explain.ts")) ?? [];
    const listed = table("Commands", "verdict of `explain`").flatMap(([verdict]) => codes(verdict));
    expect(sorted(listed)).toEqual(sorted(verdicts.replaceAll('"', "").split(" | ")));
  });

  it("adapters has every adapter, used by its name", () => {
    const rows = table("Receiver options", "adapter").map(([entry, use]) => [
      codes(entry)[0],
      /\w+(?=\(receiver\))/.exec(use ?? "")?.[0],
    ]);
    const adapters = table("Library", "entry point").filter(([entry]) => entry?.includes("/receiver/"));
    expect(rows).toEqual(adapters.map(([entry, names]) => [codes(entry)[0], codes(names)[0]]));
  });

  it("parts of a plugin has every part", () => {
    const listed = firstCodes(table("Write a plugin", "part of the contract"));
    expect(listed).toContain("optionsSchema");
    const parts = listed.filter((name) => name !== "optionsSchema");
    const members = membersOf("src/plugin/contract.ts", "SourcePlugin");
    expect(sorted(new Set(parts.map((part) => part.replace(/\..*/, ""))))).toEqual(sorted(members));
    const source = read("src/plugin/contract.ts");
    const [, inside = ""] = /readonly instrument\?: \{\n(.*?)\n {2}\};/s.exec(source) ?? [];
    const below = [...inside.matchAll(/^ {4}readonly (\w+)\?/gm)].map(([, name]) => `instrument.${name}`);
    expect(sorted(parts.filter((part) => part.includes(".")))).toEqual(sorted(below));
  });

  it("transforms has every transform", async () => {
    const listed = table("Endpoint options", "`mova-webhooks/transforms`").map(([usage]) =>
      codes(usage)[0]?.replace(/\(.*/, ""),
    );
    expect(sorted(listed.map(String))).toEqual(sorted(Object.keys(await import("mova-webhooks/transforms"))));
  });

  it("routes has every route", () => {
    const app = createApp({} as Served, { settings: { maxBodyBytes: 1 } } as ServedParts);
    const real = app.routes.filter(
      ({ method, path }) => method !== "ALL" && path !== "*" && path !== "/*" && !path.startsWith("/assets/"),
    );
    const listed = firstCodes(table("HTTP API", "route"));
    expect(sorted(listed)).toEqual(sorted(new Set(real.map(({ method, path }) => `${method} ${path}`))));
  });

  it("headers has every header of a request", async () => {
    const endpoint = await fakeEndpoint();
    const manager = new WebhookManager({
      config: false,
      endpoints: [{ url: endpoint.url, secret: "a secret of enough bytes" }],
      network: { allow: ["127.0.0.0/8"] },
    });
    await manager.start();
    const { deliveries } = await manager.triggerEvent("cache.updated", {});
    await manager.drain(10_000);
    await manager.replay({ deliveryIds: deliveries });
    await manager.close();
    const [first, replayed] = endpoint.requests.map(({ rawHeaders }) =>
      rawHeaders.filter((_, index) => index % 2 === 0),
    );
    await endpoint.close();
    const connection = ["host", "connection", "content-length"];
    const rows = table("On the wire", "header").flatMap(([header]) => codes(header));
    const optional = ["X-Mova-Replay", "X-Mova-Batch", "traceparent", "tracestate"];
    expect(rows).toEqual(expect.arrayContaining(optional));
    const sent = first?.filter((name) => !connection.includes(name.toLowerCase())) ?? [];
    expect(sorted(sent)).toEqual(sorted(rows.filter((name) => !optional.includes(name))));
    expect(replayed).toContain("X-Mova-Replay");
  });

  it("metrics has every metric with its labels, and every outcome and reason", async () => {
    const manager = new WebhookManager({ config: false });
    const registered = manager.registry.getMetricsAsArray() as unknown as {
      readonly name: string;
      readonly labelNames: readonly string[];
    }[];
    const listed = table("Metrics, traces, log", "metric").map(([name, labels]) => [
      codes(name)[0],
      sorted(codes(labels)),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(
      Object.fromEntries(registered.map(({ name, labelNames }) => [name, sorted(labelNames)])) as object,
    );
    const oneLine = everyText.replaceAll("\n", " ");
    expect(oneLine).toContain(`\`${outcomes.join(" ")}\``);
    expect(oneLine).toContain(`\`${dropReasons.join(" ")}\``);
    await manager.close();
  });

  it("log lines has every line, with its levels", () => {
    const written = read("src/telemetry/log/log.ts").matchAll(/logger\.(\w+)\([^"]*?"(\w+\.\w+)"\)/g);
    const levels = new Map<string, Set<string>>();
    for (const [, level = "", line = ""] of written) {
      levels.set(line, (levels.get(line) ?? new Set()).add(level));
    }
    const listed = table("Metrics, traces, log", "log line").map(([line, level]) => [
      codes(line)[0],
      sorted(level?.split(", or ") ?? []),
    ]);
    expect(Object.fromEntries(listed) as object).toEqual(
      Object.fromEntries([...levels].map(([line, names]) => [line, sorted(names)])) as object,
    );
  });

  it("error codes has every code with the words of the table", () => {
    const listed = table("Error codes", "code").map(([code = "", ...words]) => [codes(code)[0], ...words]);
    const real = Object.entries(errorTable).map(([code, { meaning, remedy }]) => [code, meaning, remedy]);
    expect(listed).toEqual(real);
  });

  it("Python names has every name of the original, with one here that exists", async () => {
    const rows = table("From the Python module", "Python");
    const originals = rows.map(([python]) => python).join(" ");
    for (const name of pythonNames) expect(originals, name).toContain(name);
    const api = await import("mova-webhooks");
    const known = [api, WebhookManager.prototype, WebhookReceiver.prototype].flatMap((owner) =>
      Object.getOwnPropertyNames(owner),
    );
    for (const [, here] of rows) {
      for (const code of codes(here)) {
        const [, called] = /^(?:await |new )?(\w+)\(/.exec(code) ?? [];
        if (called !== undefined) expect(known).toContain(called);
      }
    }
  });
});

/** What the Python module's own page documents. */
const pythonNames = [
  ...[
    "WebhookEndpoint(",
    "WebhookReceiver(",
    "WebhookEventType",
    "add_webhook_endpoint",
    "get_webhook_manager",
  ],
  ...["url", "secret", "headers", "timeout", "retries", "enabled", "event_types"],
  ...[
    "trigger_validation_started",
    "trigger_validation_completed",
    "trigger_cache_updated",
    "trigger_error_occurred",
  ],
  ...["add_endpoint", "remove_endpoint", "add_event_handler", "trigger_event", "is_enabled", "set_enabled"],
  ...["add_handler", "verify_signature", "generate_signature", "handle_webhook", "receiver.secret"],
  ...["config.yaml", "logging.getLogger", "Flask", "FastAPI"],
];
