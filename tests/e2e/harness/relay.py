"""A TCP relay between a tool and its server, whose connections a test can cut at any byte."""

import socket
import threading


class Relay:
    """Forwards to `server`. Each connection it takes is cut once it has carried its number of bytes.

    `budgets`: for each connection in turn, the bytes of both directions after which both ends are
    reset in the middle of whatever they are saying; those after the last one are never cut.
    """

    def __init__(self, server, budgets=()):
        self._server = server
        self._budgets = list(budgets)
        self.cuts = 0
        self._carriers = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ws://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def cut(self):
        """Cuts every connection now."""
        for carrier in self._carriers:
            carrier.end(cut=True)

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = self._server.connect()
            far.settimeout(None)
            self._carriers.append(Carrier(self, near, far, self._budgets.pop(0) if self._budgets else None))


class Carrier:
    """One connection: a thread for each direction."""

    def __init__(self, relay, near, far, budget):
        self._relay, self._ends, self._budget = relay, (near, far), budget
        self._lock = threading.Lock()
        self._over = False
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source, target):
        try:
            while piece := source.recv(65536):
                with self._lock:
                    allowed = len(piece) if self._budget is None else min(len(piece), self._budget)
                    if self._budget is not None:
                        self._budget -= allowed
                target.sendall(piece[:allowed])
                if allowed < len(piece):
                    return self.end(cut=True)
        except OSError:
            pass
        self.end(cut=False)

    def end(self, cut):
        with self._lock:
            if self._over:
                return
            self._over = True
        if cut:
            self._relay.cuts += 1
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()
