// ws_server.mjs echo|fanout - a small server on npm ws, to compare with. The package is the one
// that the tests install.
import { createRequire } from "node:module";

const require = createRequire(new URL("../../tests/package.json", import.meta.url));
const { WebSocketServer } = require("ws");

const answers = {
  echo: (server, socket, data, binary) => socket.send(data, { binary }),
  fanout: (server, socket, data, binary) => {
    for (const client of server.clients) {
      client.send(data, { binary });
    }
  },
};

const answer = answers[process.argv[2]];
if (!answer || process.argv.length !== 3) {
  console.error("usage: ws_server.mjs echo|fanout");
  process.exit(2);
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  backlog: 4096,
  perMessageDeflate: false,
});
server.on("connection", (socket) => {
  socket.on("message", (data, binary) => answer(server, socket, data, binary));
  socket.on("error", () => {}); // the driver leaves with a reset
});
server.on("listening", () => {
  console.log(`listening on ws://localhost:${server.address().port}`);
});
process.on("SIGTERM", () => process.exit(0));
