// What npm's `ws` expects of a WebSocket server. Each scenario is a claim about wsserve.
//
//   node ws_scenarios.mjs SCENARIO SERVER_URL JSON_OF_CLIENT_OPTIONS
//
// Ends with 0 when it holds; otherwise says what did not, and ends with 1.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import process from "node:process";

// The package is installed beside the build, not beside this file.
const WebSocket = createRequire(`${process.env.WSKIT_NODE_MODULES}/`)("ws");

const [scenario, base, optionsText] = process.argv.slice(2);
const options = JSON.parse(optionsText);
const compressing = options.perMessageDeflate !== false;

async function open(path) {
  const socket = new WebSocket(base + path, options);
  const queue = [];
  let wake = () => {};
  socket.on("message", (data, isBinary) => {
    queue.push({ data, isBinary });
    wake();
  });
  socket.closed = once(socket, "close");
  socket.next = async () => {
    while (queue.length === 0) await Promise.race([new Promise((resolve) => (wake = resolve)), throwIfClosed(socket)]);
    return queue.shift();
  };
  await once(socket, "open");
  assert.equal(socket.extensions.startsWith("permessage-deflate"), compressing, `extensions: "${socket.extensions}"`);
  return socket;
}

async function throwIfClosed(socket) {
  const [code, reason] = await socket.closed;
  throw new Error(`closed with ${code} (${reason})`);
}

// A connection of commands and events, its `connected` read.
async function speak(path = "/ws") {
  const socket = await open(path);
  socket.nextJson = async () => JSON.parse((await socket.next()).data.toString());
  socket.nextEvent = async () => {
    for (;;) {
      const message = await socket.nextJson();
      if ("offset" in message) return message;
    }
  };
  socket.command = async (fields) => {
    socket.send(JSON.stringify(fields));
    return socket.nextJson();
  };
  assert.equal((await socket.nextJson()).type, "connected");
  return socket;
}

async function leave(socket) {
  socket.close(1000);
  const [code] = await socket.closed;
  assert.equal(code, 1000);
}

// The same bytes on every run: words, so that they compress as text does.
const words = ["order", "book", "bid", "ask", "price", "trade", "volume", "snapshot", "level2", "é", "漢字", "😀"];
function textOf(size, seed = 1) {
  let state = seed;
  const parts = [];
  for (let length = 0; length < size; ) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const word = `${words[(state >>> 16) % words.length]}${(state >>> 8) % 1000} `;
    parts.push(word);
    length += word.length;
  }
  return parts.join("").slice(0, size).replace(/[\ud800-\udbff]$/, "");
}
function noiseOf(size) {
  const parts = [];
  for (let length = 0; length < size; length += 32) parts.push(createHash("sha256").update(`${length}`).digest());
  return Buffer.concat(parts).subarray(0, size);
}

const scenarios = {
  async returns_binary_of_every_size() {
    const socket = await open("/echo");
    for (const size of [0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20]) {
      for (const sent of [noiseOf(size), Buffer.alloc(size, "ab")]) {
        socket.send(sent);
        const { data, isBinary } = await socket.next();
        assert.ok(isBinary && data.equals(sent), `${size} bytes`);
      }
    }
    await leave(socket);
  },

  async returns_messages_in_fragments() {
    const socket = await open("/echo");
    const text = Buffer.from(textOf(200_000));
    for (let at = 0; at < text.length; at += 1001) {
      socket.send(text.subarray(at, at + 1001), { binary: false, fin: at + 1001 >= text.length });
    }
    const { data, isBinary } = await socket.next();
    assert.ok(!isBinary && data.equals(text));
    await leave(socket);
  },

  // Each message is longer than the one before, so that the windows of both sides fill and wrap.
  async keeps_growing_messages_whole() {
    const socket = await open("/echo");
    for (let size = 1; size < 2_000_000; size = Math.ceil(size * 1.3) + 7) {
      for (const sent of [textOf(size, size), textOf(size, 1), "x".repeat(size)]) {
        socket.send(sent);
        assert.equal((await socket.next()).data.toString(), sent, `${size} characters`);
      }
      const noise = noiseOf(size);
      socket.send(noise);
      assert.ok((await socket.next()).data.equals(noise), `${size} bytes of noise`);
    }
    await leave(socket);
  },

  async keeps_growing_events_whole() {
    const [publisher, subscriber] = [await speak(), await speak()];
    assert.equal((await subscriber.command({ action: "subscribe", channels: ["a"], id: 1 })).type, "subscribed");
    let offset = 0;
    for (let size = 1; size < 900_000; size = Math.ceil(size * 1.4) + 7) {
      const data = { text: textOf(size, size) };
      const reply = await publisher.command({ action: "publish", channel: "a", type: "t", data, id: size });
      assert.deepEqual([reply.type, reply.id, reply.data.offset], ["published", size, ++offset]);
      const event = await subscriber.nextEvent();
      assert.equal(event.offset, offset);
      assert.deepEqual(event.data, data);
    }
    await leave(publisher);
    await leave(subscriber);
  },

  async gets_many_events_in_order() {
    const [publisher, subscriber] = [await speak(), await speak("/ws/market/*")];
    for (let number = 0; number < 3000; ++number) {
      publisher.send(JSON.stringify({ action: "publish", channel: `market/${number % 3}`, type: "t", data: number }));
    }
    for (let number = 0; number < 3000; ++number) assert.equal((await subscriber.nextEvent()).data, number);
    await leave(publisher);
    await leave(subscriber);
  },

  async is_pinged_and_pongs() {
    const socket = await open("/echo");
    for (const payload of ["", "payload", "x".repeat(125)]) {
      socket.ping(payload);
      const [answer] = await once(socket, "pong");
      assert.equal(answer.toString(), payload);
    }
    await leave(socket);
  },

  async sees_every_close_code() {
    for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 3000, 4000, 4999]) {
      const socket = await open("/echo");
      socket.close(code, "because");
      assert.equal((await socket.closed)[0], code);
    }
    const silent = await open("/echo");
    silent.close();
    assert.ok([1000, 1005].includes((await silent.closed)[0]));
  },

  async is_closed_for_what_it_does_wrong() {
    const invalid = await open("/echo");
    invalid.send(Buffer.from([0x63, 0xff, 0x63]), { binary: false });
    assert.equal((await invalid.closed)[0], 1007);
    const large = await open("/ws");
    large.send("x".repeat(5000));
    assert.equal((await large.closed)[0], 1009);
    const binary = await open("/ws");
    binary.send(Buffer.from("{}"));
    assert.equal((await binary.closed)[0], 1003);
  },

  // Said on stdout, so that the test can stop the server at that moment.
  async hears_when_to_come_back() {
    const socket = await speak();
    console.log("ready");
    const [code, reason] = await socket.closed;
    assert.equal(code, 1001);
    assert.match(reason.toString(), /^reconnect after \d+ ms$/);
  },

  async is_refused_with_a_status() {
    const socket = new WebSocket(`${base}/nothing`, options);
    const [, response] = await once(socket, "unexpected-response");
    assert.equal(response.statusCode, 404);
    socket.on("error", () => {});
    socket.terminate();
  },
};

await scenarios[scenario]();
