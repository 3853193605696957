// One WebSocket connection of the package `ws`, as a server or as a client. Commands come as lines of JSON on the
// standard input, what happens goes out the same way; the end of the input ends the program. See ../peer_node.py.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createInterface } from "node:readline";
import WebSocket, { WebSocketServer } from "ws";

let socket;

const tell = (event, details) => process.stdout.write(JSON.stringify({ event, ...details }) + "\n");
const packed = (data) => Buffer.from(data).toString("base64");
const unpacked = (text) => Buffer.from(text, "base64");

function watch(connection) {
  socket = connection;
  socket.on("message", (data, binary) => tell("message", { payload: packed(data), binary }));
  socket.on("pong", (data) => tell("pong", { payload: packed(data) }));
  socket.on("close", (code, reason) => tell("closed", { code, reason: reason.toString() }));
  // "close" follows and tells the code.
  socket.on("error", () => {});
}

function listen({ host, port, path, tls, subprotocols, headers, maxPayload, perMessageDeflate, refusal }) {
  const server = tls
    ? https.createServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) })
    : http.createServer();
  const webSocketServer = new WebSocketServer({
    server,
    maxPayload,
    perMessageDeflate,
    handleProtocols: (offered) => [...offered].find((name) => subprotocols.includes(name)) ?? false,
    verifyClient: (_, decide) =>
      refusal ? decide(false, refusal.status, refusal.body, refusal.headers) : decide(true),
  });
  webSocketServer.on("headers", (lines) => {
    for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  });
  webSocketServer.on("connection", (connection, request) => {
    watch(connection);
    tell("open", { subprotocol: connection.protocol, headers: request.headers });
  });
  server.listen(path ? { path } : { host, port }, () => tell("listening", { port: path ? 0 : server.address().port }));
}

function connect({ url, tls, subprotocols, headers, maxPayload, perMessageDeflate }) {
  const ca = tls ? readFileSync(tls.ca) : undefined;
  const connection = new WebSocket(url, subprotocols, { headers, maxPayload, perMessageDeflate, ca });
  let responseHeaders;
  watch(connection);
  connection.on("upgrade", (response) => {
    responseHeaders = response.headers;
  });
  connection.on("open", () => tell("open", { subprotocol: connection.protocol, headers: responseHeaders }));
  connection.on("unexpected-response", (_, response) => {
    const body = [];
    response.on("data", (data) => body.push(data));
    response.on("end", () =>
      tell("refused", { status: response.statusCode, headers: response.headers, body: packed(Buffer.concat(body)) }),
    );
  });
}

function send({ parts, binary, pings }) {
  const pieces = parts.length ? parts : [""];
  pieces.forEach((part, index) => {
    socket.send(unpacked(part), { binary, fin: index === pieces.length - 1 });
    if (pings) socket.ping(String(index));
  });
}

const commands = {
  listen,
  connect,
  send,
  ping: ({ payload }) => socket.ping(unpacked(payload)),
  close: ({ code, reason }) => socket.close(code, reason),
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { op, ...details } = JSON.parse(line);
    commands[op](details);
  })
  .on("close", () => process.exit(0));
