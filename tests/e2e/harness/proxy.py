"""A TCP proxy between bw and its server, whose connections a test can cut."""

import queue
import socket
import threading
import time

from .server import free_port


class Proxy:
    def __init__(self, server_port, listen=("127.0.0.1", 0)):
        self._server_port = server_port
        self._lock = threading.Lock()
        self._pairs = []
        self._trap = None
        self.sprung = threading.Event()
        self._flows = threading.Event()
        self._flows.set()
        self._host, self.port = listen[0], listen[1] or free_port()
        self.accept()

    @property
    def url(self):
        return f"nats://127.0.0.1:{self.port}"

    def cut(self):
        """Ends all connections; new ones go through."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for side in pair:
                _shut(side)
        return len(pairs)

    def stall(self):
        """Holds what the worker sends, until resume()."""
        self._flows.clear()

    def resume(self):
        self._flows.set()

    def cut_at(self, pattern, forward):
        """Cuts once when the worker sends the pattern, before (forward=False) or after the server got it."""
        self.sprung.clear()
        self._trap = (pattern, forward)

    def accept(self):
        """Takes connections, as it does from the beginning."""
        self._listener = socket.create_server((self._host, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self):
        """Ends all connections and lets nobody in, until accept()."""
        _shut(self._listener)
        self.cut()

    close = refuse

    def _accept(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return  # closed
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port), 10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((client, server))
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source, sink, from_worker):
        tail = b""  # a pattern can lie across two reads
        try:
            while data := source.recv(65536):
                if from_worker and self._trap and self._trap[0] in tail + data:
                    self._spring(source, sink, data)
                    return
                tail = (tail + data)[-64:]
                if from_worker:
                    self._flows.wait(60)
                sink.sendall(data)
        except OSError:
            pass
        _shut(source)
        _shut(sink)

    def _spring(self, worker, server, data):
        forward = self._trap[1]
        self._trap = None
        _shut(worker)  # first, so that no answer reaches it
        if forward:
            server.sendall(data)
            try:
                server.shutdown(socket.SHUT_WR)  # the server reads all that came before; the other pump closes
            except OSError:
                pass  # it has closed already, at the answer
        else:
            _shut(server)
        self.sprung.set()


class SlowProxy(Proxy):
    """As a link of long ways: what either side sends arrives `latency` seconds later."""

    latency = 0

    def _pump(self, source, sink, from_worker):
        on_the_way = queue.Queue()
        threading.Thread(target=self._deliver, args=(on_the_way, sink), daemon=True).start()
        data = True
        while data:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            on_the_way.put((time.monotonic() + self.latency, data))

    def _deliver(self, on_the_way, sink):
        while True:
            due, data = on_the_way.get()
            time.sleep(max(0, due - time.monotonic()))
            try:
                if not data:
                    return _shut(sink)
                sink.sendall(data)
            except OSError:
                return


def _shut(side):
    try:
        side.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    side.close()
