// What the tests in JavaScript stand on: the program under test, running. See support.py.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const program = process.env.TABURET || path.join(root, "build", "taburet");
export const scale = process.env.TABURET_SANITIZED === "1" ? 3 : 1;
export const limit = 10_000 * scale;

// Rejects when the promise takes longer than the limit.
export async function within(promise, what, ms = limit) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
    });
    try {
        return await Promise.race([promise, late]);
    } finally {
        clearTimeout(timer);
    }
}

// `taburet serve --port 0 --every 0` with further arguments. When the test ends, the server must
// still live, stop with exit code 0, and have no sanitizer's report in its output.
export async function serve(t, ...args) {
    const child = spawn(program, ["serve", "--port", "0", "--every", "0", ...args],
        { stdio: ["ignore", "pipe", "pipe"] });
    const exited = once(child, "exit");
    let errors = "";
    child.stderr.on("data", (data) => { errors += data; });
    const lines = readline.createInterface({ input: child.stdout });
    const first = once(lines, "line");
    const failed = exited.then(([code]) => {
        throw new Error(`the server left with ${code}: ${errors}`);
    });
    failed.catch(() => {});
    const [line] = await within(Promise.race([first, failed]), "the first line");
    const match = /^listening on (wss?):\/\/.*:(\d+)$/.exec(line);
    if (!match) {
        child.kill("SIGKILL");
        throw new Error(`the first line is not the address: ${line}`);
    }
    const server = {
        port: Number(match[2]),
        url: `${match[1]}://localhost:${match[2]}`,
        stop: async () => {
            child.kill("SIGTERM");
            const [code] = await within(exited, "the server's end");
            return code;
        },
    };
    t.after(async () => {
        const died = child.exitCode !== null && !child.killed;
        const code = child.exitCode ?? await server.stop().finally(() => child.kill("SIGKILL"));
        if (died || code !== 0 || /Sanitizer|runtime error:/.test(errors)) {
            throw new Error(`the server ended with ${code}: ${errors}`);
        }
    });
    return server;
}
