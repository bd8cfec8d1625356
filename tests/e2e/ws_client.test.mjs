// The four modes and the protocol with npm's ws as the client.

import assert from "node:assert/strict";
import { once } from "node:events";
import test from "node:test";
import WebSocket from "ws";

import { serve, within } from "./support.mjs";

// An open client whose messages wait in a queue: next() gives them one by one.
async function connect(t, server, protocols = [], options = {}) {
    const ws = new WebSocket(server.url, protocols, { perMessageDeflate: false, ...options });
    const queue = [];
    let wake = () => {};
    ws.on("message", (data, isBinary) => {
        queue.push(isBinary ? data : data.toString());
        wake();
    });
    t.after(() => ws.terminate());
    await within(once(ws, "open"), "open");
    const next = async () => {
        while (queue.length === 0) {
            await new Promise((resolve) => { wake = resolve; });
        }
        return queue.shift();
    };
    return { ws, next: () => within(next(), "a message"), queue };
}

test("request, response: to everybody, the sender included", async (t) => {
    const server = await serve(t);
    const [alice, bob] = [await connect(t, server), await connect(t, server)];
    alice.ws.send("hi");
    assert.deepEqual([await alice.next(), await bob.next()], ["hi", "hi"]);
});

test("request, two responses", async (t) => {
    const server = await serve(t);
    const [alice, bob] = [await connect(t, server), await connect(t, server)];
    alice.ws.send("double trouble");
    for (const peer of [alice, bob]) {
        assert.equal(await peer.next(), "double trouble #1");
        assert.equal(await peer.next(), "double trouble #2");
    }
});

test("request, no response", async (t) => {
    const { ws, next } = await connect(t, await serve(t));
    ws.send("ignore double");
    ws.send("after");
    assert.equal(await next(), "after");
});

test("response, no request", async (t) => {
    const server = await serve(t, "--every", "100ms");
    const [alice, bob] = [await connect(t, server), await connect(t, server)];
    const first = await bob.next();
    assert.match(first, /^hello world \d+$/);
    const n = Number(first.split(" ")[2]);
    while (await alice.next() !== first);
    for (let k = 1; k <= 3; k++) {
        assert.equal(await bob.next(), `hello world ${n + k}`);
        assert.equal(await alice.next(), `hello world ${n + k}`);
    }
});

test("binary stays binary, of every length at the borders", async (t) => {
    const { ws, next } = await connect(t, await serve(t));
    for (const size of [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]) {
        const data = Buffer.alloc(size, "\0\xff\x80", "latin1");
        ws.send(data);
        assert.deepEqual(await next(), data);
    }
});

test("1 MiB of text both ways", async (t) => {
    const { ws, next } = await connect(t, await serve(t));
    const text = "табурет ".repeat(69905);
    ws.send(text);
    assert.equal(await next(), text);
});

test("one byte over the limit is 1009", async (t) => {
    const { ws } = await connect(t, await serve(t));
    ws.send("x".repeat((1 << 20) + 1));
    const [code] = await within(once(ws, "close"), "close");
    assert.equal(code, 1009);
});

test("fragments are joined, pings between them are answered", async (t) => {
    const { ws, next } = await connect(t, await serve(t));
    ws.send("ab", { fin: false });
    ws.ping("between");
    const [data] = await within(once(ws, "pong"), "pong");
    assert.equal(data.toString(), "between");
    ws.send("cd", { fin: false });
    ws.send("ef", { fin: true });
    assert.equal(await next(), "abcdef");
});

test("compression is agreed and used in both directions", async (t) => {
    const server = await serve(t);
    const packed = await connect(t, server, [], { perMessageDeflate: { threshold: 0 } });
    const plain = await connect(t, server);
    assert.match(packed.ws.extensions, /permessage-deflate/);
    assert.equal(plain.ws.extensions, "");
    for (const text of ["", "hi", "again and ".repeat(10000), "друге ".repeat(3000)]) {
        packed.ws.send(text);
        assert.equal(await packed.next(), text);
        assert.equal(await plain.next(), text);
    }
    const before = packed.ws._socket.bytesRead;
    packed.ws.send("again and ".repeat(10000));
    await packed.next();
    assert.ok(packed.ws._socket.bytesRead - before < 5000, "it came compressed");
});

for (const parameters of [
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    { serverMaxWindowBits: 9, clientMaxWindowBits: 9 },
    { serverNoContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: true },
]) {
    test(`compression with ${JSON.stringify(parameters)}`, async (t) => {
        const { ws, next } = await connect(t, await serve(t), [],
            { perMessageDeflate: { threshold: 0, ...parameters } });
        assert.match(ws.extensions, /permessage-deflate/);
        for (let n = 0; n < 20; n++) {
            const text = `message ${n} `.repeat(2000);
            ws.send(text);
            assert.equal(await next(), text);
        }
    });
}

test("close codes and reasons come back", async (t) => {
    const server = await serve(t);
    for (const code of [1000, 1001, 3000, 4999]) {
        const { ws } = await connect(t, server);
        ws.close(code, "because");
        const [got] = await within(once(ws, "close"), "close");
        assert.equal(got, code);
    }
});

test("a subprotocol is agreed in the client's order", async (t) => {
    const server = await serve(t, "--subprotocol", "v1", "--subprotocol", "v2");
    const { ws } = await connect(t, server, ["v3", "v2", "v1"]);
    assert.equal(ws.protocol, "v2");
});

test("a refused Origin is seen as 403", async (t) => {
    const server = await serve(t, "--allow-origin", "http://good.test");
    const ws = new WebSocket(server.url, { origin: "http://evil.test" });
    ws.on("error", () => {});
    const [, response] = await within(once(ws, "unexpected-response"), "refusal");
    assert.equal(response.statusCode, 403);
    ws.terminate();
});

test("a graceful stop is 1001 for everybody", async (t) => {
    const server = await serve(t);
    const peers = await Promise.all(Array.from({ length: 20 }, () => connect(t, server)));
    const closed = peers.map(({ ws }) => within(once(ws, "close"), "close"));
    assert.equal(await server.stop(), 0);
    for (const [code] of await Promise.all(closed)) {
        assert.equal(code, 1001);
    }
});

test("fifty clients hear everything in order", async (t) => {
    const server = await serve(t, "--threads", "2");
    const peers = await Promise.all(Array.from({ length: 50 }, () => connect(t, server)));
    const said = Array.from({ length: 100 }, (_, n) => `message ${n}`);
    said.forEach((text) => peers[0].ws.send(text));
    for (const { next } of peers) {
        for (const text of said) {
            assert.equal(await next(), text);
        }
    }
});
