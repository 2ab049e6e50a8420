"""The JetStream side of the protocol: the stream, the consumer, jobs, and what a worker does with them."""

import base64
import json
import secrets
from dataclasses import dataclass
from datetime import datetime

SECOND = 10**9  # JetStream's JSON counts nanoseconds

STREAM = {
    "subjects": ["IMAGES.>"],
    "retention": "workqueue",
    "storage": "file",
    "discard": "old",
    "max_msgs": -1,
    "max_bytes": -1,
    "max_age": 0,
    "max_msg_size": 512,
    "duplicate_window": 3600 * SECOND,
    "num_replicas": 1,
}

CONSUMER = {
    "deliver_policy": "all",
    "ack_policy": "explicit",
    "ack_wait": 30 * SECOND,
    "max_deliver": 5,
    "filter_subject": "IMAGES.blackandwhite",
    "replay_policy": "instant",
}

# The stream IMAGES_RESULTS, as changes of the above.
RESULTS = {
    "subjects": ["RESULTS.IMAGES.>", "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.IMAGES.*"],
    "retention": "limits",
    "max_age": 30 * 24 * 3600 * SECOND,
    "max_bytes": 1 << 30,
    "max_msgs_per_subject": -1,
    "max_msg_size": -1,
}

MAX_DELIVERIES = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.IMAGES.BW"


class ApiError(Exception):
    def __init__(self, error):
        super().__init__(error.get("description"))
        self.code = error.get("code")


def nanoseconds(time):
    """Since 1970, of a time as JetStream writes it: RFC 3339 in UTC with up to nine digits behind the point."""
    seconds, _, fraction = time.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(seconds + "+00:00").timestamp()) * SECOND + int(fraction.ljust(9, "0"))


@dataclass
class Stored:
    """A message that a stream holds."""
    sequence: int
    time: int  # when the stream took it, in nanoseconds since 1970
    subject: str
    data: bytes

    def json(self):
        return json.loads(self.data)


class JetStream:
    def __init__(self, connection, stream="IMAGES", consumer="BW", timeout=30):
        """`timeout`: how long an answer may take, in seconds."""
        self.connection = connection
        self.timeout = timeout
        self.stream = stream
        self.consumer = consumer
        self._pulls = None

    def api(self, verb, body=b""):
        answer = self.connection.request("$JS.API." + verb, body, self.timeout).json()
        if "error" in answer:
            raise ApiError(answer["error"])
        return answer

    def create(self, stream=None, consumer=None):
        """The stream and the consumer as bw expects them, with changes where a test needs them."""
        self.create_stream(**(stream or {}))
        self.create_consumer(**(consumer or {}))
        return self

    def create_stream(self, **changes):
        self.api(f"STREAM.CREATE.{self.stream}", STREAM | changes | {"name": self.stream})

    def update_stream(self, **changes):
        self.api(f"STREAM.UPDATE.{self.stream}", STREAM | changes | {"name": self.stream})

    def create_consumer(self, **changes):
        config = CONSUMER | changes | {"durable_name": self.consumer}
        self.api(f"CONSUMER.DURABLE.CREATE.{self.stream}.{self.consumer}",
                 {"stream_name": self.stream, "config": config})

    def stream_info(self):
        return self.api(f"STREAM.INFO.{self.stream}")

    def consumer_info(self):
        return self.api(f"CONSUMER.INFO.{self.stream}.{self.consumer}")

    def messages(self):
        """How many messages the stream holds."""
        return self.stream_info()["state"]["messages"]

    def message(self, sequence):
        answer = self.api(f"STREAM.MSG.GET.{self.stream}", {"seq": sequence})
        return base64.b64decode(answer["message"].get("data", ""))

    def stored(self):
        """All messages that the stream holds."""
        found, at = [], 0
        while True:
            try:
                message = self.api(f"STREAM.MSG.GET.{self.stream}", {"seq": at, "next_by_subj": ">"})["message"]
            except ApiError as error:
                if error.code == 404:
                    return found
                raise
            found.append(Stored(message["seq"], nanoseconds(message["time"]), message["subject"],
                                base64.b64decode(message.get("data", ""))))
            at = message["seq"] + 1

    def purge(self):
        self.api(f"STREAM.PURGE.{self.stream}")

    def delete_stream(self):
        self.api(f"STREAM.DELETE.{self.stream}")

    def delete_consumer(self):
        self.api(f"CONSUMER.DELETE.{self.stream}.{self.consumer}")

    def wait_ack_waits(self, count):
        """Returns when the server has found `count` ack waits to be over, one after the other."""
        clock = JetStream(self.connection, "CLOCK").create(
            stream={"subjects": ["CLOCK.>"]},
            consumer={"filter_subject": "CLOCK.blackandwhite", "ack_wait": self.consumer_info()["config"]["ack_wait"]})
        clock.publish(b"")
        for delivery in range(1, count + 2):  # nobody acknowledges it, so it comes again
            message = clock.next(expires=60)
            assert message and message.delivery == delivery, message

    # What a sender does.

    def publish(self, body, message_id=None, headers=None):
        """Sends a job's bytes; its sequence in the stream, which takes an id only once."""
        headers = (headers or {}) | ({"Nats-Msg-Id": message_id} if message_id else {})
        answer = self.connection.request(f"{self.stream}.blackandwhite", body, self.timeout, headers).json()
        if "error" in answer:
            raise ApiError(answer["error"])
        return answer["seq"]

    def publish_job(self, job_id, image, advisory=True):
        """`image`: a path or a URI. The advisory goes to advisory.<id>."""
        job = {"id": job_id, "image": image if isinstance(image, str) else image.as_uri()}
        if advisory:
            job["advisory"] = f"advisory.{job_id}"
        return self.publish(job)

    # What a worker does.

    def next(self, expires=1.0):
        """The next job, or None when there was none until the pull expired."""
        if self._pulls is None:
            self._inbox = "_INBOX." + secrets.token_hex(8)
            self._pulls = self.connection.subscribe(self._inbox)
        pull = {"batch": 1, "expires": int(expires * SECOND)}
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self.stream}.{self.consumer}"
        self.connection.publish(subject, json.dumps(pull), self._inbox)
        message = self._pulls.next(expires + 10)  # the server answers each pull, with a job or a status
        if message.status in ("404", "408"):
            return None
        if message.status:
            raise ApiError({"code": int(message.status), "description": str(message.headers)})
        return message

    def ack(self, message):
        """Acknowledges a job; returns when the server has noted it."""
        self.connection.request(message.reply, "+ACK")

    def nak(self, message, delay=0):
        options = f' {{"delay": {int(delay * SECOND)}}}' if delay else ""
        self.connection.publish(message.reply, "-NAK" + options)
        self.connection.flush()

    def in_progress(self, message):
        self.connection.publish(message.reply, "+WPI")
