"""Credentials: user and password, token, nkey, credentials file; right and wrong ones."""

import time

import pytest

from harness import pictures
from harness.checks import assert_failed, one_error
from harness.jetstream import JetStream
from harness.nkeys import Account, Key, creds_file
from harness.worker import run_bw

def with_user(server, userinfo):
    return server.url.replace("//", f"//{userinfo}@")


def check_job_is_done(server, connect, userinfo, start_worker, tmp_path, **settings):
    js = JetStream(connect(server, userinfo=userinfo + "@")).create()
    js.publish_job("job-1", pictures.small(tmp_path))
    worker = start_worker(BW_LOG_LEVEL="debug", **settings)
    worker.wait_line("job done")
    assert worker.stop() == 0
    return worker


def check_refused(start_worker, *secrets, **settings):
    """Soon, and not after all of BW_CONNECT_TIMEOUT: trying again does not make a password right."""
    begin = time.monotonic()
    worker = start_worker(BW_CONNECT_TIMEOUT="10m", **settings)
    assert_failed(worker, 3, "queue")
    assert time.monotonic() - begin < 20
    for secret in secrets:
        assert secret not in worker.log()


def test_user_and_password(make_server, connect, start_worker, tmp_path):
    server = make_server(config='authorization { user: "worker", password: "passw0rd" }')
    url = with_user(server, "worker:passw0rd")
    worker = check_job_is_done(server, connect, "worker:passw0rd", start_worker, tmp_path, NATS_URL=url)
    assert "passw0rd" not in worker.log()
    check_refused(start_worker, "wr0ng-one", NATS_URL=with_user(server, "worker:wr0ng-one"))
    check_refused(start_worker, NATS_URL=server.url)


def test_password_with_escapes(make_server, connect, start_worker, tmp_path):
    """In a URL, what would end the password is percent-encoded."""
    server = make_server(config='authorization { user: "worker", password: "p@ss:w/rd" }')
    userinfo = "worker:p%40ss%3Aw%2Frd"
    worker = check_job_is_done(server, connect, userinfo, start_worker, tmp_path,
                               NATS_URL=with_user(server, userinfo))
    assert "p@ss" not in worker.log() and "p%40ss" not in worker.log()


def test_token(make_server, connect, start_worker, tmp_path):
    server = make_server(config='authorization { token: "t0ken-0f-test" }')
    url = with_user(server, "t0ken-0f-test")
    worker = check_job_is_done(server, connect, "t0ken-0f-test", start_worker, tmp_path, NATS_URL=url)
    assert "t0ken" not in worker.log()
    check_refused(start_worker, "wr0ng-one", NATS_URL=with_user(server, "wr0ng-one"))


def test_nkey(make_server, connect, start_worker, tmp_path):
    right, wrong = Key("user", tmp_path), Key("user", tmp_path)
    server = make_server(config=f'authorization {{ users: [ {{ nkey: {right.public} }}, '
                                f'{{ user: "sender", password: "pw" }} ] }}')
    files = {}
    for name, key in (("right", right), ("wrong", wrong)):
        files[name] = tmp_path / f"{name}.nk"
        files[name].write_text(key.seed + "\n")
    check_job_is_done(server, connect, "sender:pw", start_worker, tmp_path,
                      NATS_URL=server.url, BW_NKEY=files["right"])
    check_refused(start_worker, wrong.seed, NATS_URL=server.url, BW_NKEY=files["wrong"])


def test_credentials_file(make_server, start_worker, tmp_path):
    account = Account(tmp_path)
    server = make_server(config=account.config())
    user, right = account.user("right")
    setup = run_bw("setup", NATS_URL=server.url, BW_CREDS=right)
    assert setup.returncode == 0, setup.stdout + setup.stderr
    worker = start_worker(NATS_URL=server.url, BW_CREDS=right)
    worker.wait_line("ready")
    assert worker.stop() == 0
    other, wrong = Account(tmp_path).user("wrong")
    check_refused(start_worker, other.seed, NATS_URL=server.url, BW_CREDS=wrong)


def test_credentials_that_are_not_there(server, start_worker, tmp_path):
    for setting in ("BW_CREDS", "BW_NKEY"):
        worker = start_worker(**{setting: tmp_path / "nothing", "BW_CONNECT_TIMEOUT": "10m"})
        assert worker.wait_exit() in (2, 3), worker.log()
        assert "nothing" in worker.log()


@pytest.mark.parametrize("subject", ["advisory.short", "advisory." + "x" * 240, 'advisory.a"b'],
                         ids=["short", "long", "quoted"])
def test_advisory_that_the_server_refuses(make_server, connect, start_worker, tmp_path, subject):
    """A job is not acknowledged before its advisory is out."""
    server = make_server(config="""authorization { users = [
        { user: "sender", password: "pw" },
        { user: "worker", password: "pw", permissions: { publish: { deny: "advisory.>" } } } ] }""")
    js = JetStream(connect(server, userinfo="sender:pw@")).create()
    js.publish({"id": "job-1", "image": pictures.small(tmp_path).as_uri(), "advisory": subject})
    assert_failed(start_worker(NATS_URL=with_user(server, "worker:pw")), 4, "job", id="job-1", delivery="1/5")
    assert js.messages() == 1


def test_pulls_that_the_server_refuses(make_server, connect, start_worker):
    server = make_server(config="""authorization { users = [
        { user: "sender", password: "pw" },
        { user: "worker", password: "pw", permissions: { publish: { deny: "$JS.API.CONSUMER.MSG.NEXT.>" } } } ] }""")
    JetStream(connect(server, userinfo="sender:pw@")).create()
    assert_failed(start_worker(NATS_URL=with_user(server, "worker:pw")), 3, "queue")


@pytest.mark.parametrize("content", ["garbage\n", None], ids=["garbage", "folder"])
def test_file_that_holds_no_credentials(server, tmp_path, content):
    file = tmp_path / "no.creds"
    file.write_text(content) if content else file.mkdir()
    run = run_bw(NATS_URL=server.url, OUTDIR=tmp_path, BW_CREDS=file)
    assert run.returncode == 2
    assert str(file) in one_error(run.stderr).fields["where"]
