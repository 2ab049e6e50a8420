"""What bw says and does when the server, the stream or the consumer is not there."""

import time

from harness.jetstream import SECOND
from harness.checks import assert_failed, names
from harness.jetstream import JetStream
from harness.server import free_port


def test_missing_stream(server, start_worker):
    record = assert_failed(start_worker(), 9, "difference")
    assert "bw setup" in record.message and "IMAGES" in str(record)


def test_missing_consumer(empty_js, start_worker):
    empty_js.create_stream()
    record = assert_failed(start_worker(), 9, "difference")
    assert "bw setup" in record.message and "BW" in str(record)


def test_other_names(server, connect, start_worker, outdir, tmp_path):
    js = JetStream(connect(server), "PHOTOS", "GREY")
    js.create(stream={"subjects": ["PHOTOS.>"]}, consumer={"filter_subject": "PHOTOS.blackandwhite"})
    picture = tmp_path / "picture.pgm"
    picture.write_bytes(b"P5 1 1 255\n\x80")
    js.publish_job("job-1", picture)
    worker = start_worker(BW_STREAM="PHOTOS", BW_CONSUMER="GREY")
    worker.wait_line("job done")
    assert worker.stop() == 0
    assert names(outdir) == ["job-1.pgm"]


def test_no_server(start_worker):
    begin = time.monotonic()
    worker = start_worker(NATS_URL=f"nats://127.0.0.1:{free_port()}", BW_CONNECT_TIMEOUT="1s")
    assert_failed(worker, 3, "queue")
    assert time.monotonic() - begin < 15


def test_server_without_jetstream(make_server, start_worker):
    """A server is there, but nobody answers for JetStream."""
    plain = make_server(jetstream=False)
    assert_failed(start_worker(NATS_URL=plain.url, BW_CONNECT_TIMEOUT="2s"), 3, "queue")


def test_server_comes_later(server, js, start_worker):
    server.stop()
    worker = start_worker()
    time.sleep(2)  # the time that the server is late
    assert worker.process.poll() is None, worker.log()
    server.start()
    worker.wait_line("ready")
    assert worker.stop() == 0


def test_url_forms(server, js, start_worker):
    """Without the scheme, and in a list whose first server is not there."""
    for url in (f"127.0.0.1:{server.port}", f"localhost:{server.port}",
                f"nats://127.0.0.1:{free_port()},nats://127.0.0.1:{server.port}"):
        worker = start_worker(NATS_URL=url)
        worker.wait_line("ready")
        assert worker.stop() == 0


def test_consumer_is_deleted_while_a_worker_waits(js, start_worker):
    worker = start_worker()
    worker.wait_line("ready")
    js.delete_consumer()
    assert_failed(worker, 9, "difference")


def test_stream_is_deleted_while_a_worker_waits(js, start_worker):
    worker = start_worker()
    worker.wait_line("ready")
    js.delete_stream()
    assert_failed(worker, 9, "difference")


def test_consumer_that_refuses_our_pulls(empty_js, start_worker):
    """An operator's limit that is shorter than bw's pulls: said, rather than tried for ever."""
    empty_js.create(consumer={"max_expires": SECOND // 2})
    record = assert_failed(start_worker(), 9, "difference")
    assert "refused" in record.message and "max_expires" in record.message
