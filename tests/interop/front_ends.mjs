// Front ends as they were written against other servers: they know their addresses and nothing of wskit.
//
//   node front_ends.mjs SCENARIO SERVER_URL TOKENS_AS_JSON
//
// Ends with 0 when what they expect comes to pass; otherwise says what did not, and ends with 1.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import process from "node:process";

const WebSocket = createRequire(`${process.env.WSKIT_NODE_MODULES}/`)("ws");
const [scenario, base, tokensText] = process.argv.slice(2);
const tokens = JSON.parse(tokensText);
const http = base.replace(/^ws/, "http");

// Keeps what has a `data` and is no control message, as these front ends do: by `type`.
class FrontEnd {
  constructor(path) {
    this.events = [];
    this.wake = () => {};
    this.socket = new WebSocket(base + path);
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if ("offset" in message) this.events.push(message);
      if (message.type === "subscribed") this.subscribed = true;
      if (message.type === "error") this.failure = message.data.message;
      this.wake();
    };
    this.socket.onclose = ({ code, reason }) => {
      this.failure ??= `closed with ${code} ${reason}`;
      this.wake();
    };
    this.socket.onerror = ({ message }) => {
      this.failure ??= message;
      this.wake();
    };
  }
  async until(condition) {
    while (!condition()) {
      assert.equal(this.failure, undefined);
      await new Promise((resolve) => (this.wake = resolve));
    }
  }
  async ready() {
    await this.until(() => this.subscribed);
    return this;
  }
  async take(count) {
    await this.until(() => this.events.length >= count);
    return this.events.splice(0, count).map(({ type, channel, data }) => [type, channel, data]);
  }
}

async function publish(channel, type, data, token) {
  const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
  const answer = await fetch(`${http}/publish/${channel}?type=${type}`, {
    method: "POST",
    headers,
    body: JSON.stringify(data),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function stats(token) {
  const answer = await fetch(`${http}/ws/stats`, token ? { headers: { Authorization: `Bearer ${token}` } } : {});
  return answer.json();
}

const scenarios = {
  async dashboard() {
    const first = await new FrontEnd(`/ws?token=${tokens.ann}`).ready();
    const second = await new FrontEnd(`/ws?token=${tokens.ann}`).ready();
    for (const tab of [first, second]) {
      tab.subscribed = false;
      tab.socket.send('{"action":"subscribe","events":["backtest_started","backtest_completed"]}');
      await tab.ready();
    }
    await publish("backtest/7", "backtest_started", { id: 7 }, tokens.engine);
    await publish("backtest/7", "backtest_progress", { id: 7, progress: 0.5 }, tokens.engine);
    await publish("backtest/7", "trade", { id: 7 }, tokens.engine);
    await publish("backtest/7", "backtest_completed", { id: 7 }, tokens.engine);
    for (const tab of [first, second]) {
      assert.deepEqual(await tab.take(2), [
        ["backtest_started", "dashboard", { id: 7 }],
        ["backtest_completed", "dashboard", { id: 7 }],
      ]);
    }
    const figures = await stats(tokens.ann);
    assert.equal(figures.total_connections, 2);
    assert.equal(figures.unique_users, 1);
    assert.deepEqual(figures.connections_by_user, { ann: 2 });
    const refused = new FrontEnd("/ws?token=nonsense");
    await assert.rejects(refused.ready());
  },

  async market() {
    const apple = await new FrontEnd("/ws/market/AAPL").ready();
    const unified = await new FrontEnd("/ws/unified").ready();
    await publish("market/AAPL", "market_data", { price: 1 });
    await publish("market/MSFT", "market_data", { price: 2 });
    await publish("alerts", "alert", { symbol: "AAPL", text: "up" });
    await publish("agents/news", "agent_insight", { text: "calm" });
    assert.deepEqual(await apple.take(2), [
      ["market_data", "market/AAPL", { price: 1 }],
      ["alert", "market/AAPL", { symbol: "AAPL", text: "up" }],
    ]);
    assert.deepEqual(await unified.take(2), [
      ["alert", "unified", { symbol: "AAPL", text: "up" }],
      ["agent_insight", "unified", { text: "calm" }],
    ]);
    assert.equal((await stats()).total_connections, 2);
  },

  async liveTrading() {
    const two = await new FrontEnd("/api/ws/stream/live-trading?symbols=BTC-USD,ETH-USD").ready();
    const all = await new FrontEnd("/api/ws/stream/live-trading").ready();
    for (const symbol of ["BTC-USD", "SOL-USD", "ETH-USD"]) {
      await publish(`live-trading/${symbol}`, "trade", { symbol });
    }
    const symbols = (events) => events.map(([, , { symbol }]) => symbol);
    assert.deepEqual(symbols(await two.take(2)), ["BTC-USD", "ETH-USD"]);
    assert.deepEqual(symbols(await all.take(3)), ["BTC-USD", "SOL-USD", "ETH-USD"]);
  },

  async backtest() {
    for (let n = 0; n < 100; ++n) await publish("backtest/bt-42", "progress", { n });
    const late = await new FrontEnd("/api/ws/stream/backtest/bt-42").ready();
    await publish("backtest/bt-42", "complete", { n: 100 });
    const seen = await late.take(101);
    assert.deepEqual(
      seen.map(([, , { n }]) => n),
      Array.from({ length: 101 }, (_, n) => n),
    );
  },

  async sessions() {
    const tabs = [];
    for (let tab = 0; tab < 3; ++tab) tabs.push(await new FrontEnd("/ws/session/42").ready());
    const sent = ["session_initialized", "candle", "ai_thinking", "countdown_update", "session_completed"];
    for (const type of sent) await publish("session/42", type, { type });
    await publish("session/43", "candle", {});
    for (const tab of tabs) assert.deepEqual((await tab.take(sent.length)).map(([type]) => type), sent);
    tabs[1].socket.close();
    await publish("session/42", "candle", { again: true });
    for (const tab of [tabs[0], tabs[2]]) assert.deepEqual(await tab.take(1), [["candle", "session/42", { again: true }]]);
  },
};

await scenarios[scenario]();
process.exit(0);
