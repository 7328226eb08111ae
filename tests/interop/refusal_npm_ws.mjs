// Makes one attempt with npm's `ws` and prints what it was told, as JSON.
//
//   node refusal_npm_ws.mjs ATTEMPT CLIENT_OPTIONS      both JSON
import { createRequire } from "node:module";
import process from "node:process";

import { make } from "./refusal.mjs";

// The package is installed beside the build, not beside this file.
const WebSocket = createRequire(`${process.env.WSKIT_NODE_MODULES}/`)("ws");
const [attempt, options] = process.argv.slice(2).map((text) => JSON.parse(text));
console.log(JSON.stringify(await make(WebSocket, attempt, options)));
