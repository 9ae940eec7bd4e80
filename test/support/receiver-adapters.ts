/** Every adapter as a listener for `createServer`, for tests that ask the same of all of them. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import type { AnswerOptions } from "../../src/receiver/answer.ts";
import { expressHandler } from "../../src/receiver/express.ts";
import { fastifyWebhook } from "../../src/receiver/fastify.ts";
import { fetchHandler } from "../../src/receiver/fetch.ts";
import { honoHandler } from "../../src/receiver/hono.ts";
import { nodeHandler } from "../../src/receiver/node.ts";
import type { WebhookReceiver } from "../../src/receiver/receiver.ts";

const express4 = createRequire(import.meta.url)("express4") as typeof express;

/** Some of them return a promise, which the server does not wait for. */
export type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

export type Adapter = (receiver: WebhookReceiver, options: AnswerOptions) => Listener | Promise<Listener>;

export const adapters: Readonly<Record<string, Adapter>> = {
  node: (receiver, options) => nodeHandler(receiver, options),
  express: (receiver, options) => expressApp(express, receiver, options),
  "express 4": (receiver, options) => expressApp(express4, receiver, options),
  fastify: async (receiver, options) => {
    const app = fastify({ serverFactory: () => createServer() });
    await app.register(fastifyWebhook(receiver, options), { path: "/webhook" });
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  hono: (receiver, options) => {
    const app = new Hono();
    app.post("/webhook", honoHandler(receiver, options));
    return getRequestListener(app.fetch);
  },
  fetch: (receiver, options) => getRequestListener(fetchHandler(receiver, options)),
};

function expressApp(make: typeof express, receiver: WebhookReceiver, options: AnswerOptions): Listener {
  const app = make();
  app.post("/webhook", expressHandler(receiver, options));
  return app;
}

/** A middleware that answers 503 by itself when its time is over, which is when the test says so. */
interface Timeout {
  isOver: () => void;
}

type AdapterBehindTimeout = (
  receiver: WebhookReceiver,
  options: AnswerOptions,
  timeout: Timeout,
) => Listener | Promise<Listener>;

export const adaptersBehindTimeout: Readonly<Record<string, AdapterBehindTimeout>> = {
  node: (receiver, options, timeout) => {
    const handler = nodeHandler(receiver, options);
    return function withTimeout(request, response) {
      timeout.isOver = function answer() {
        response.writeHead(503, { "content-length": 4 }).end("late");
      };
      handler(request, response);
    };
  },
  express: (receiver, options, timeout) => expressBehind(express, receiver, options, timeout).use(answerLate),
  "express 4": (receiver, options, timeout) =>
    expressBehind(express4, receiver, options, timeout).use(answerLate),
  fastify: async (receiver, options, timeout) => {
    const app = fastify({ serverFactory: () => createServer() });
    app.addHook("onRequest", async (_request, reply) => {
      timeout.isOver = function answer() {
        void reply.code(503).send("late");
      };
    });
    await app.register(fastifyWebhook(receiver, options), { path: "/webhook" });
    await app.ready();
    return (request, response) => app.routing(request, response);
  },
  hono: (receiver, options, timeout) => {
    const app = new Hono();
    app.use((_context, next) => Promise.race([late(timeout), next()]));
    app.post("/webhook", honoHandler(receiver, options));
    return getRequestListener(app.fetch);
  },
  fetch: (receiver, options, timeout) => {
    const handler = fetchHandler(receiver, options);
    return getRequestListener((request) => Promise.race([late(timeout), handler(request)]));
  },
};

/** With Express's own error handler, which waits until the request is over. */
export const expressBehindTimeout: Readonly<Record<string, AdapterBehindTimeout>> = {
  express: (receiver, options, timeout) => expressBehind(express, receiver, options, timeout),
  "express 4": (receiver, options, timeout) => expressBehind(express4, receiver, options, timeout),
};

function answerLate(
  _error: unknown,
  _request: express.Request,
  response: express.Response,
  _next: unknown,
): void {
  response.status(503).send("late");
}

/** As `connect-timeout` does it: through the error handler, while the route is still at work. */
function expressBehind(
  make: typeof express,
  receiver: WebhookReceiver,
  options: AnswerOptions,
  timeout: Timeout,
): express.Express {
  const app = make();
  app.use((_request, _response, next) => {
    timeout.isOver = function answer() {
      next(Object.assign(new Error("Response timeout"), { status: 503 }));
    };
    next();
  });
  app.set("env", "test");
  app.post("/webhook", expressHandler(receiver, options));
  return app;
}

function late(timeout: Timeout): Promise<Response> {
  return new Promise((resolve) => {
    timeout.isOver = function answer() {
      resolve(new Response("late", { status: 503 }));
    };
  });
}
