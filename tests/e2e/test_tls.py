"""TLS: tls:// is really enforced, and certificates count on both sides."""

import pytest

from harness import pictures
from harness.certificates import Certificates
from harness.checks import assert_failed
from harness.jetstream import JetStream


@pytest.fixture
def certificates(tmp_path):
    return Certificates(tmp_path)


def tls_url(server):
    return f"tls://localhost:{server.port}"


def check_job_is_done(server, connect, start_worker, tmp_path, **settings):
    js = JetStream(connect(server)).create()
    js.publish_job("job-1", pictures.small(tmp_path))
    worker = start_worker(NATS_URL=tls_url(server), **settings)
    worker.wait_line("job done")
    assert worker.stop() == 0


def check_no_connection(start_worker, **settings):
    assert_failed(start_worker(BW_CONNECT_TIMEOUT="2s", **settings), 3, "queue")


def test_plain_server_is_refused(server, js, start_worker):
    check_no_connection(start_worker, NATS_URL=tls_url(server))


def test_authority(certificates, make_server, connect, start_worker, tmp_path):
    server = make_server(config=certificates.server_config(), tls=certificates.context())
    check_job_is_done(server, connect, start_worker, tmp_path, BW_TLS_CA=certificates("ca.pem"))
    check_no_connection(start_worker, NATS_URL=tls_url(server), BW_TLS_CA=certificates("other-ca.pem"))
    check_no_connection(start_worker, NATS_URL=tls_url(server))


def test_certificate_of_another_host(certificates, make_server, start_worker):
    server = make_server(config=certificates.server_config("elsewhere"))
    check_no_connection(start_worker, NATS_URL=tls_url(server), BW_TLS_CA=certificates("ca.pem"))


def test_client_certificate(certificates, make_server, connect, start_worker, tmp_path):
    server = make_server(config=certificates.server_config(more=", verify: true"), tls=certificates.context())
    ours = {"BW_TLS_CERT": certificates("worker.pem"), "BW_TLS_KEY": certificates("worker.key")}
    check_job_is_done(server, connect, start_worker, tmp_path, BW_TLS_CA=certificates("ca.pem"), **ours)
    check_no_connection(start_worker, NATS_URL=tls_url(server), BW_TLS_CA=certificates("ca.pem"))


def test_authority_that_is_not_there(server, start_worker, tmp_path):
    worker = start_worker(NATS_URL=tls_url(server), BW_TLS_CA=tmp_path / "nothing.pem", BW_CONNECT_TIMEOUT="2s")
    assert worker.wait_exit() in (2, 3), worker.log()
    assert "nothing.pem" in worker.log()
