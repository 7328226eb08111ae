// One attempt at a WebSocket by a client that nobody here wrote, and what it was told; for npm's `ws` and for a
// browser, whose page has this text.
//
// `attempt`: {url, sends: texts, replies: how many to wait for; 0: until it is closed}.
// Resolves to {opened, status, code, errors}: `status` of a refused upgrade, where the client tells it; else `code`
// that it was closed with; `errors` that commands were answered with.
export function make(WebSocket, { url, sends, replies }, options) {
  const outcome = { opened: false, status: null, code: null, errors: [] };
  return new Promise((done) => {
    const socket = options ? new WebSocket(url, options) : new WebSocket(url);
    let answered = 0;
    if (socket.on) {
      socket.on("unexpected-response", (request, response) => {
        outcome.status = response.statusCode;
        request.destroy();
        done(outcome);
      });
    }
    socket.addEventListener("error", () => {});
    socket.addEventListener("open", () => {
      outcome.opened = true;
      for (const text of sends) socket.send(text);
    });
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data);
      if (message.id === undefined) return;
      if (message.type === "error") outcome.errors.push(message.data.code);
      if (++answered === replies) socket.close(1000);
    });
    socket.addEventListener("close", ({ code }) => {
      outcome.code = code;
      done(outcome);
    });
  });
}
