// `taburet connect` with npm's ws as the server.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import test from "node:test";
import { WebSocketServer } from "ws";

import { program, within } from "./support.mjs";

// A server on a free port that lets `behave(socket, request)` do what it wants with each client.
async function listen(t, behave, options = {}) {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
    t.after(() => {
        server.clients.forEach((client) => client.terminate());
        server.close();
    });
    await within(once(server, "listening"), "listening");
    server.on("connection", behave);
    return `ws://127.0.0.1:${server.address().port}/`;
}

// Runs the program to its end: { code, out, err }. Nothing of the user's is touched.
async function connect(t, url, args, input = "") {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "taburet-test-"));
    const env = Object.fromEntries(Object.entries(process.env)
        .filter(([name]) => !/_proxy$|^NO_COLOR$|^XDG_/i.test(name)));
    const child = spawn(program, ["connect", url, ...args], { env: { ...env, HOME: home } });
    t.after(() => {
        child.kill("SIGKILL");
        fs.rmSync(home, { recursive: true });
    });
    const output = { out: [], err: [] };
    child.stdout.on("data", (data) => output.out.push(data));
    child.stderr.on("data", (data) => output.err.push(data));
    child.stdin.on("error", () => {}); // it may leave before it has read all
    child.stdin.end(input);
    const [code] = await within(once(child, "close"), "the program's end");
    const err = Buffer.concat(output.err).toString();
    assert.doesNotMatch(err, /Sanitizer|runtime error:/);
    return { code, out: Buffer.concat(output.out).toString(), err };
}

function echo(socket) {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
}

test("lines in, lines out", async (t) => {
    const url = await listen(t, echo);
    const done = await connect(t, url, ["--wait=0.2"], "one\ntwo\n\u20ac\n");
    assert.deepEqual([done.code, done.out], [0, "one\ntwo\n\u20ac\n"], done.err);
});

for (const [name, deflate] of Object.entries({
    "with context takeover": true,
    "without context takeover": {
        serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 0,
    },
    "with small windows": { serverMaxWindowBits: 9, clientMaxWindowBits: 9, threshold: 0 },
    "for every size": { threshold: 0 },
})) {
    test(`permessage-deflate ${name}`, async (t) => {
        let agreed;
        const url = await listen(t, (socket) => {
            agreed = socket.extensions;
            echo(socket);
        }, { perMessageDeflate: deflate });
        const lines = Array.from({ length: 200 }, (_, n) => `message ${n} `.repeat(n + 1));
        const done = await connect(t, url, ["--max-messages=200"], lines.join("\n"));
        assert.equal(done.code, 0, done.err);
        assert.equal(done.out, `${lines.join("\n")}\n`);
        assert.match(agreed, /permessage-deflate/);
    });
}

test("a megabyte of binary", async (t) => {
    const url = await listen(t, echo, { perMessageDeflate: { threshold: 0 } });
    const data = Buffer.alloc(1024 * 1024, "\x00\n\xff", "latin1").toString("base64");
    const done = await connect(t, url, ["--base64", "-0", "-1"], `${data}\0`);
    assert.equal(done.code, 0, done.err);
    assert.equal(done.out, `${data}\0`);
});

test("subprotocol, headers and path", async (t) => {
    let seen;
    const url = await listen(t, (socket, request) => {
        seen = { path: request.url, origin: request.headers.origin, me: request.headers["x-me"] };
        socket.send(socket.protocol);
    }, { handleProtocols: (protocols) => [...protocols].at(-1) });
    const done = await connect(t, `${url}a?b=c`, ["-1", "--subprotocol=v2", "--subprotocol=v1",
        "--origin=https://example.org", "-H", "X-Me: tester"]);
    assert.deepEqual([done.code, done.out], [0, "v1\n"], done.err);
    assert.deepEqual(seen, { path: "/a?b=c", origin: "https://example.org", me: "tester" });
});

test("a refusal with a status and a body", async (t) => {
    const url = await listen(t, echo, {
        verifyClient: (_, answer) => answer(false, 401, "who are you?", { "X-Why": "token" }),
    });
    const done = await connect(t, url, []);
    assert.equal(done.code, 22, done.err);
    assert.match(done.err, /401/);
    assert.match(done.err, /who are you\?/);
});

test("closes of the server's", async (t) => {
    for (const [args, code] of [[[1000, "bye"], 0], [[1001], 0], [[1011, "oops"], 101],
        [[4000], 101], [[], 101]]) {
        const url = await listen(t, (socket) => socket.close(...args));
        const done = await connect(t, url, []);
        assert.equal(done.code, code, `${args}: ${done.err}`);
    }
});

test("our close reaches the server", async (t) => {
    let tell;
    const told = new Promise((resolve) => { tell = resolve; });
    const url = await listen(t, (socket) => {
        socket.on("close", (code, reason) => tell([code, reason.toString()]));
    });
    const done = await connect(t, url, ["--wait=0.1", "--close-code=4001", "--close-reason=done"]);
    assert.equal(done.code, 0, done.err);
    assert.deepEqual(await within(told, "the close"), [4001, "done"]);
});

test("a server that dies", async (t) => {
    const url = await listen(t, (socket) => socket.terminate());
    const done = await connect(t, url, ["--wait=-1"]);
    assert.equal(done.code, 101, done.err);
});

test("a ping of the server's is answered", async (t) => {
    const url = await listen(t, (socket) => {
        socket.on("pong", (data) => socket.close(1000, data));
        socket.ping("are you there");
    });
    const done = await connect(t, url, ["--wait=-1"]);
    assert.equal(done.code, 0, done.err);
});

test("fragments from ws arrive whole", async (t) => {
    const url = await listen(t, (socket) => {
        socket.send("frag", { fin: false });
        socket.send("ment", { fin: false });
        socket.send("ed", { fin: true });
    });
    const done = await connect(t, url, ["-1"]);
    assert.equal(done.out, "fragmented\n", done.err);
});

test("what breaks the protocol is told by ws", async (t) => {
    const url = await listen(t, (socket) => socket.on("error", () => {}));
    for (const args of [["--rsv=010"], ["--opcode=3"], ["--opcode=0"]]) {
        const done = await connect(t, url, ["--no-deflate", "-d", "x", "--wait=-1", ...args]);
        assert.equal(done.code, 101, done.err);
        assert.match(done.err, /1002/);
    }
});
