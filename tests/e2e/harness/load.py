"""Jobs that go on coming."""

import threading

from .jetstream import JetStream


class Load(threading.Thread):
    """Sends jobs so that `waiting` of them are not done: more than the workers take, or fewer."""

    def __init__(self, connection, picture):
        super().__init__(daemon=True)
        self._js = JetStream(connection)
        self._picture = picture
        self._ended = threading.Event()
        self.waiting = 0
        self.sent = 0

    def run(self):
        while not self._ended.wait(0.005):
            for _ in range(self.waiting - self._js.messages()):
                self._js.publish_job(f"job-{self.sent}", self._picture)
                self.sent += 1

    def end(self):
        self._ended.set()
        self.join(60)
