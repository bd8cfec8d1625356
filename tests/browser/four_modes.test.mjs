// What a person with nothing but a browser meets: the four modes in real pages of Chromium.
// ctest: timeout 120

import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import test, { after, before } from "node:test";
import { chromium } from "playwright-core";

import { limit, serve, within } from "../e2e/support.mjs";

// Chromium asks its user before a page of no place (about:blank) may reach this machine, and there
// is nobody to ask in a test. That rule is the browser's; ours are under test.
const nobodyToAsk =
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets";

let browser;
let profile;
let site; // an HTTP server that is another origin; its page /null has the origin null
let siteUrl;

before(async () => {
    profile = fs.mkdtempSync(path.join(os.tmpdir(), "taburet-chromium-"));
    browser = await chromium.launchPersistentContext(profile, {
        executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
        headless: true,
        timeout: 3 * limit,
        args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", nobodyToAsk,
            "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    browser.setDefaultTimeout(limit);
    site = http.createServer((request, response) => {
        response.setHeader("Content-Type", "text/html");
        if (request.url === "/null") {
            response.setHeader("Content-Security-Policy", "sandbox allow-scripts");
        }
        response.end("<!doctype html><title>Another origin</title>");
    });
    await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
    siteUrl = `http://127.0.0.1:${site.address().port}/`;
});

after(async () => {
    await browser?.close();
    site?.closeAllConnections();
    site?.close();
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

// A page with an open WebSocket as window.ws, whose messages wait in window.got.
async function open(t, server, { from = "about:blank", protocols = [] } = {}) {
    const page = await browser.newPage();
    t.after(() => page.close());
    await page.goto(from);
    await page.evaluate(([url, protocols]) => new Promise((resolve, reject) => {
        window.ws = new WebSocket(url, protocols);
        window.ws.binaryType = "arraybuffer";
        window.got = [];
        window.ws.onmessage = (event) => window.got.push(event.data);
        window.wsClosed = new Promise((done) => { window.ws.onclose = done; });
        window.ws.onopen = resolve;
        window.ws.onerror = () => reject(new Error("refused"));
    }), [server.url, protocols]);
    return page;
}

const send = (page, text) => page.evaluate((text) => window.ws.send(text), text);

// The messages so far, once there are that many.
async function got(page, count) {
    await page.waitForFunction((count) => window.got.length >= count, count);
    return page.evaluate(() => window.got);
}

async function closeEvent(page) {
    return within(page.evaluate(async () => {
        const { code, reason, wasClean } = await window.wsClosed;
        return { code, reason, wasClean };
    }), "the close event");
}

const places = [
    ["about:blank", () => "about:blank"],
    ["another origin", () => siteUrl],
    ["a page whose origin is null", () => `${siteUrl}null`],
];

for (const [name, from] of places) {
    test(`request, response: from ${name}`, async (t) => {
        const page = await open(t, await serve(t), { from: from() });
        await send(page, "hi");
        assert.deepEqual(await got(page, 1), ["hi"]);
    });

    test(`request, two responses: from ${name}`, async (t) => {
        const page = await open(t, await serve(t), { from: from() });
        await send(page, "double trouble");
        assert.deepEqual(await got(page, 2), ["double trouble #1", "double trouble #2"]);
    });

    test(`request, no response: from ${name}`, async (t) => {
        const page = await open(t, await serve(t), { from: from() });
        await send(page, "please ignore me");
        await send(page, "ignore double");
        await send(page, "after");
        assert.deepEqual(await got(page, 1), ["after"]);
    });

    test(`response, no request: from ${name}`, async (t) => {
        const page = await open(t, await serve(t, "--every", "100ms"), { from: from() });
        const messages = await got(page, 3);
        assert.deepEqual(messages.slice(0, 3), ["hello world 0", "hello world 1", "hello world 2"]);
    });
}

test("two pages hear each other and the same clock", async (t) => {
    const server = await serve(t, "--every", "200ms");
    const alice = await open(t, server);
    const bob = await open(t, server, { from: siteUrl });
    await send(alice, "from alice");
    await send(bob, "from bob double");
    const wanted = ["from alice", "from bob double #1", "from bob double #2"];
    for (const page of [alice, bob]) {
        await page.waitForFunction((last) => window.got.includes(last), wanted[2]);
        const heard = await page.evaluate(() => window.got);
        assert.deepEqual(heard.filter((text) => text.startsWith("from")).sort(), wanted);
    }
    const last = (await got(bob, 6)).filter((text) => text.startsWith("hello")).pop();
    await alice.waitForFunction((last) => window.got.includes(last), last);
});

test("binary stays binary", async (t) => {
    const page = await open(t, await serve(t));
    await page.evaluate(() => window.ws.send(new Uint8Array([0, 255, 1, 254])));
    await page.evaluate(() => window.ws.send(new Blob([new Uint8Array(70000).fill(7)])));
    await page.waitForFunction(() => window.got.length >= 2);
    const [bytes, size, all] = await page.evaluate(() => {
        const long = new Uint8Array(window.got[1]);
        return [[...new Uint8Array(window.got[0])], long.length, long.every((b) => b === 7)];
    });
    assert.deepEqual([bytes, size, all], [[0, 255, 1, 254], 70000, true]);
});

test("1 MiB both ways", async (t) => {
    const page = await open(t, await serve(t));
    const same = await page.evaluate(async () => {
        // Not compressible to nothing, and no code point of more than one byte.
        const text = Array.from({ length: 1 << 17 }, (_, n) => (n * 2654435761 % 4294967296)
            .toString(16).padStart(8, "0")).join("");
        const answer = new Promise((resolve) => { window.ws.onmessage = (e) => resolve(e.data); });
        window.ws.send(text);
        return text.length === 1 << 20 && await answer === text;
    });
    assert.ok(same);
});

test("compression is agreed, and is not with --no-deflate", async (t) => {
    const packed = await open(t, await serve(t));
    assert.match(await packed.evaluate(() => window.ws.extensions), /^permessage-deflate/);
    const text = "again and ".repeat(10000);
    for (let n = 0; n < 3; n++) {
        await send(packed, text);
    }
    assert.deepEqual(await got(packed, 3), [text, text, text]);
    const plain = await open(t, await serve(t, "--no-deflate"));
    assert.equal(await plain.evaluate(() => window.ws.extensions), "");
});

test("a subprotocol is agreed", async (t) => {
    const server = await serve(t, "--subprotocol", "chat");
    const page = await open(t, server, { protocols: ["x", "chat"] });
    assert.equal(await page.evaluate(() => window.ws.protocol), "chat");
});

test("the page's close code comes back", async (t) => {
    const page = await open(t, await serve(t));
    await page.evaluate(() => window.ws.close(4001, "enough"));
    const { code, wasClean } = await closeEvent(page);
    assert.deepEqual([code, wasClean], [4001, true]);
});

test("a message that is too big is closed with 1009", async (t) => {
    const page = await open(t, await serve(t, "--max-message-size", "1K"));
    await send(page, "x".repeat(2000));
    assert.equal((await closeEvent(page)).code, 1009);
});

test("a graceful stop is 1001 and clean", async (t) => {
    const server = await serve(t);
    const page = await open(t, server);
    const event = closeEvent(page);
    assert.equal(await server.stop(), 0);
    const { code, wasClean } = await event;
    assert.deepEqual([code, wasClean], [1001, true]);
});

test("--allow-origin keeps about:blank and other pages out", async (t) => {
    const server = await serve(t, "--allow-origin", new URL(siteUrl).origin);
    await open(t, server, { from: siteUrl });
    await assert.rejects(open(t, server), /refused/);
});

test("a page that is closed leaves, and the others go on", async (t) => {
    const server = await serve(t);
    const stays = await open(t, server);
    const leaves = await open(t, server);
    await leaves.close();
    await send(stays, "still there");
    assert.deepEqual(await got(stays, 1), ["still there"]);
});

test("typing the address shows how to connect", async (t) => {
    const server = await serve(t);
    const page = await browser.newPage();
    t.after(() => page.close());
    const response = await page.goto(`http://localhost:${server.port}/`);
    assert.equal(response.status(), 426);
    const text = await page.innerText("body");
    assert.match(text, /taburet/i);
    assert.ok(text.includes(`ws://localhost:${server.port}`), text);
    assert.ok(text.includes("new WebSocket("), text);
});

test("the page's own advice works in that very page", async (t) => {
    const server = await serve(t);
    const page = await open(t, server, { from: `http://localhost:${server.port}/` });
    await send(page, "hi");
    assert.deepEqual(await got(page, 1), ["hi"]);
});
