"""A whole installation: servers, workers that somebody starts again, OUTDIR; and every way to break it."""

import signal
import time

from harness.jetstream import MAX_DELIVERIES, RESULTS, SECOND, JetStream
from harness.proxy import Proxy
from harness.server import Server, free_port
from harness.worker import Keeper, Worker, run_bw

from .jobs import Link
from .subscriber import Subscriber


def start_servers(folder, binary, count):
    if count == 1:
        return [Server(folder / "server", binary).start()]
    routes = [free_port() for _ in range(count)]
    urls = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in routes)
    servers = []
    for number, port in enumerate(routes):
        # Without the advertisement workers would find their way around the proxies.
        config = (f'server_name: "server{number}"\n'
                  f'cluster {{ name: "faults", listen: "127.0.0.1:{port}", no_advertise: true, routes: [{urls}] }}')
        servers.append(Server(folder / f"server{number}", binary, config).start())
    return servers


def results_of(js):
    return JetStream(js.connection, "IMAGES_RESULTS", timeout=js.timeout)


class System:
    def __init__(self, folder, binary, servers, workers, ack_wait, outdir, output_of):
        self.servers = start_servers(folder, binary, servers)
        self.outdir = outdir
        self.link = Link([server.url for server in self.servers])
        self._proxies = [[Proxy(server.port) for server in self.servers] for _ in range(workers + 1)]
        self._results = RESULTS | {"num_replicas": servers}
        self.link.insist(lambda js: js.create_stream(num_replicas=servers))
        self.link.insist(lambda js: results_of(js).create_stream(**self._results))
        setup = run_bw("setup", NATS_URL=",".join(server.url for server in self.servers))
        assert setup.returncode == 0, setup.stdout + setup.stderr
        self.link.insist(lambda js: js.create_consumer(ack_wait=int(ack_wait * SECOND)))
        self.subscriber = Subscriber([proxy.url for proxy in self._proxies[-1]], outdir, output_of)
        self.keepers = [Keeper(self._starter(number)) for number in range(workers)]

    def _starter(self, number):
        url = ",".join(proxy.url for proxy in self._proxies[number])

        def start():
            time.sleep(0.1)  # as one who runs bw without a parent does
            return self.start_worker(NATS_URL=url)
        return start

    def start_worker(self, **settings):
        settings = {"NATS_URL": ",".join(server.url for server in self.servers), "OUTDIR": self.outdir.path,
                    "BW_LOG_LEVEL": "debug"} | settings
        worker = Worker(**settings)
        worker.begin = time.time()
        return worker

    def runs(self):
        """Every worker process that there was, by keeper."""
        return [[*keeper.runs, *([keeper.current] if keeper.current not in keeper.runs else [])]
                for keeper in self.keepers]

    # What can break; each returns words for the log.

    def signal_worker(self, number, which):
        worker = self.keepers[number].current
        if worker is None or worker.process.poll() is not None:
            return "none there"
        worker.signal(which)
        return f"pid {worker.process.pid}"

    def begin(self, fault):
        number = fault.victim
        match fault.kind:
            case "worker killed":
                return self.signal_worker(number, signal.SIGKILL)
            case "worker terminated":
                return self.signal_worker(number, signal.SIGTERM)
            case "worker stopped":
                return self.signal_worker(number, signal.SIGSTOP)
            case "connection cut":
                return f"{sum(proxy.cut() for proxy in self._proxies[number])} connections"
            case "connection stalled":
                return self._each_proxy(number, Proxy.stall)
            case "connection refused":
                return self._each_proxy(number, Proxy.refuse)
            case "subscriber cut":
                return self.cut_subscriber()
            case "outdir full":
                return self.outdir.fill()
            case "outdir away":
                return self.outdir.move_away()
            case "server killed" | "leader killed":
                return self._stop_server(fault, signal.SIGKILL)
            case "records refused":
                return self._take_records(False)
            case "server terminated":
                return self._stop_server(fault, signal.SIGTERM)

    def end(self, fault):
        match fault.kind:
            case "worker stopped":
                return self.signal_worker(fault.victim, signal.SIGCONT)
            case "connection stalled":
                return self._each_proxy(fault.victim, Proxy.resume)
            case "connection refused":
                return self._each_proxy(fault.victim, Proxy.accept)
            case "records refused":
                return self._take_records(True)
            case "outdir full":
                return self.outdir.empty()
            case "outdir away":
                return self.outdir.move_back()
        for server in self.servers:  # the leader's number is not the plan's
            if server.process.poll() is not None:
                server.start()

    def _each_proxy(self, number, what):
        for proxy in self._proxies[number]:
            what(proxy)

    def _take_records(self, taken):
        """The results stream takes JetStream's advisories all the time."""
        subjects = self._results["subjects"] if taken else [MAX_DELIVERIES]
        self.link.insist(lambda js: results_of(js).update_stream(**self._results | {"subjects": subjects}))

    def cut_subscriber(self):
        return f"{sum(proxy.cut() for proxy in self._proxies[-1])} connections"

    def _stop_server(self, fault, how):
        number = fault.victim
        if fault.kind == "leader killed":
            name = self.link.insist(lambda js: js.stream_info()["cluster"].get("leader", "server0"))
            number = int(name.removeprefix("server"))
        self.servers[number].stop(how)
        return f"server {number}"

    def close(self):
        for keeper in self.keepers:
            keeper.close()
        self.subscriber.end(self.cut_subscriber)
        self.link.close()
        for server in self.servers:
            server.stop()
