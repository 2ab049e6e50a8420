"""A small blocking NATS client: enough of the protocol for the tests and for python_worker.py.

One thread per connection. Every wait has a deadline; passing it raises TimeoutError.
"""

import json
import secrets
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


class NatsError(Exception):
    """The server answered -ERR."""


class NoResponders(NatsError):
    """Nobody listens on the subject of a request."""


@dataclass
class Message:
    subject: str
    reply: str
    data: bytes
    status: str = ""  # "404", "408" … of a JetStream answer without a body
    headers: dict = field(default_factory=dict)

    def json(self):
        return json.loads(self.data)

    @property
    def sequence(self):
        """The sequence in the stream, from $JS.ACK.<stream>.<consumer>.<deliveries>.<seq>.…"""
        return int(self.reply.split(".")[-4])

    @property
    def delivery(self):
        return int(self.reply.split(".")[-5])


class Subscription:
    def __init__(self, connection, sid):
        self._connection = connection
        self._sid = sid
        self.queue = deque()

    def next(self, timeout=30):
        deadline = time.monotonic() + timeout
        while not self.queue:
            self._connection.pump(deadline)
        return self.queue.popleft()

    def pending(self):
        """Everything that has arrived, without waiting for more than a round trip."""
        self._connection.flush()
        messages = list(self.queue)
        self.queue.clear()
        return messages

    def unsubscribe(self):
        self._connection.unsubscribe(self._sid)


class Connection:
    def __init__(self, url, tls=None, timeout=10, login=None, inbox="_INBOX"):
        """`tls`: an ssl.SSLContext, for a server that asks for TLS. `login`: makes more options for the server
        from its nonce. `inbox`: what the subjects of answers begin with."""
        parts = urlsplit(url)
        deadline = time.monotonic() + timeout
        self._buffer = bytearray()
        self._subscriptions = {}
        self._pongs = 0
        self._last_sid = 0
        self._inbox_prefix = inbox
        self._inbox = None
        self._socket = socket.create_connection((parts.hostname, parts.port or 4222), timeout)
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.info = json.loads(self._line(deadline).removeprefix(b"INFO "))
            if tls:
                self._socket = tls.wrap_socket(self._socket, server_hostname=parts.hostname)
            options = _connect_options(parts) | (login(self.info["nonce"]) if login else {})
            self._send("CONNECT " + json.dumps(options) + "\r\n")
            self.flush(timeout)
        except BaseException:
            self._socket.close()
            raise

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def subscribe(self, subject, queue=""):
        """Returns when the server knows of the subscription."""
        self._last_sid += 1
        subscription = Subscription(self, self._last_sid)
        self._subscriptions[self._last_sid] = subscription
        self._send(f"SUB {subject} {queue} {self._last_sid}\r\n")
        self.flush()
        return subscription

    def unsubscribe(self, sid):
        self._subscriptions.pop(sid, None)
        self._send(f"UNSUB {sid}\r\n")

    def publish(self, subject, data=b"", reply="", headers=None, status=""):
        """`status` stands in the headers' first line, as in the server's own answers ("408 Request Timeout")."""
        data = _bytes(data)
        verb, sizes = b"PUB", b"%d" % len(data)
        if headers or status:
            block = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
            block = f"NATS/1.0 {status}".rstrip().encode() + f"\r\n{block}\r\n".encode()
            verb, data = b"HPUB", block + data
            sizes = b"%d %d" % (len(block), len(data))
        self._send(b"%s %s %s %s\r\n%s\r\n" % (verb, subject.encode(), reply.encode(), sizes, data))

    def request(self, subject, data=b"", timeout=30, headers=None):
        deadline = time.monotonic() + timeout
        if self._inbox is None:
            self._inbox = f"{self._inbox_prefix}.{secrets.token_hex(8)}"
            self._answers = self.subscribe(self._inbox + ".*")
        reply = f"{self._inbox}.{secrets.token_hex(6)}"
        self.publish(subject, data, reply, headers)
        while True:
            message = self._answers.next(deadline - time.monotonic())
            if message.subject != reply:
                continue  # the answer to a request that was given up
            if message.status == "503":
                raise NoResponders(subject)
            return message

    def flush(self, timeout=30):
        """Returns when the server has taken all that was sent."""
        deadline = time.monotonic() + timeout
        wanted = self._pongs + 1
        self._send("PING\r\n")
        while self._pongs < wanted:
            self.pump(deadline)

    def pump(self, deadline):
        """Reads one protocol message and hands it to its subscription."""
        line = self._line(deadline)
        operation, _, rest = line.partition(b" ")
        if operation in (b"MSG", b"HMSG"):
            self._message(operation == b"HMSG", rest.decode().split(), deadline)
        elif operation == b"PING":
            self._send("PONG\r\n")
        elif operation == b"PONG":
            self._pongs += 1
        elif operation == b"-ERR":
            raise NatsError(rest.decode())

    def _message(self, with_headers, words, deadline):
        size = int(words.pop())
        header_size = int(words.pop()) if with_headers else 0
        reply = words[2] if len(words) == 3 else ""
        body = self._take(size + 2, deadline)[:-2]
        status, headers = _headers(body[:header_size])
        subscription = self._subscriptions.get(int(words[1]))
        if subscription:
            subscription.queue.append(Message(words[0], reply, body[header_size:], status, headers))

    def _send(self, data):
        self._socket.settimeout(30)
        self._socket.sendall(_bytes(data))

    def _line(self, deadline):
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill(deadline)
        return self._take(end + 2, deadline)[:-2]

    def _take(self, size, deadline):
        while len(self._buffer) < size:
            self._fill(deadline)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server said nothing in time")
        self._socket.settimeout(left)
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._buffer += data


def _connect_options(parts):
    options = {"verbose": False, "headers": True, "no_responders": True, "protocol": 1,
               "lang": "python3", "version": "1"}
    if parts.password is not None:
        options |= {"user": unquote(parts.username), "pass": unquote(parts.password)}
    elif parts.username:
        options["auth_token"] = unquote(parts.username)
    return options


def _headers(block):
    lines = block.decode().split("\r\n")
    status = lines[0].removeprefix("NATS/1.0").strip()[:3]
    pairs = (line.split(":", 1) for line in lines[1:] if line)
    return status, {name: value.strip() for name, value in pairs}


def _bytes(data):
    if isinstance(data, (dict, list)):
        data = json.dumps(data, ensure_ascii=False)
    return data.encode() if isinstance(data, str) else bytes(data)
