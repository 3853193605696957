// `ws` on Node.js, with the arguments of the other servers. It is where the interop tests have it installed.

import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const { WebSocketServer } = createRequire(new URL("../../tests/interop/node/", import.meta.url))("ws");

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    loop: { type: "string" },
    role: { type: "string", default: "echo" },
    deflate: { type: "boolean" },
    level: { type: "string", default: "1" },
    window: { type: "string", default: "15" },
    "memory-level": { type: "string", default: "8" },
    "no-utf8": { type: "boolean" },
    tls: { type: "string" },
  },
});

// `--tls CERTIFICATE KEY`: the second is left over as a positional argument.
const server = values.tls
  ? https.createServer({ cert: readFileSync(values.tls), key: readFileSync(positionals[0]) })
  : http.createServer();
const perMessageDeflate = values.deflate && {
  zlibDeflateOptions: { level: Number(values.level), memLevel: Number(values["memory-level"]) },
  serverMaxWindowBits: Number(values.window),
  threshold: 0,
};
const sockets = new WebSocketServer({ server, perMessageDeflate, maxPayload: 0, skipUTF8Validation: values["no-utf8"] });
sockets.on("connection", (socket) => {
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();
