"""A real Redis Cluster of the tests' own: servers on free ports of loopback, each primary with a replica or without."""

import time
from contextlib import ExitStack, contextmanager

from redis import Redis

from evals.bench.processes import free_port
from tests.support.redis_server import RedisServer

SLOTS = 16_384
#: A node that is silent for so long is failed over.
NODE_TIMEOUT_MS = 500
FORM_S = 20.0


class RedisCluster:
    """Its nodes.

    Attributes:
        url: what `CACHE__STORE` is set to.
        primaries: they hold the slots, at the beginning.
        replicas: one of each primary, in the same order, or none.
    """

    def __init__(self, servers, primaries):
        self.primaries, self.replicas = servers[:primaries], servers[primaries:]
        self.url = self.primaries[0].url.replace("redis://", "redis+cluster://")
        self._form()

    def primary_of(self, key):
        """The server that holds the key's slot at present."""
        for server in (*self.primaries, *self.replicas):
            if server.process.poll() is None and self._holds(server, key):
                return server
        raise LookupError(f"no running server holds {key}")

    def fail_over(self):
        """Kill the primaries that hold anything."""
        for server in self.primaries:
            with client(server) as node:
                holds = node.dbsize()
            if holds:
                server.stop()

    def mend(self):
        """Start what was killed, and wait until all nodes know of each other again."""
        for server in self.primaries:
            if server.process.poll() is not None:
                server.start()
        with self._nodes() as nodes:
            _until(lambda: all(_state(node)["cluster_state"] == "ok" for node in nodes))

    def empty(self):
        """Forget everything."""
        for server in self.primaries:
            server.empty()

    def _holds(self, server, key):
        with client(server) as node:
            slot = node.execute_command("CLUSTER KEYSLOT", key)
            return any(
                first <= slot <= last and primary[1] == server.port
                for first, last, primary, *_ in node.execute_command("CLUSTER SLOTS")
            )

    @contextmanager
    def _nodes(self):
        with ExitStack() as stack:
            yield [stack.enter_context(client(each)) for each in (*self.primaries, *self.replicas)]

    def _form(self):
        with self._nodes() as nodes:
            share = SLOTS // len(self.primaries)
            for number, node in enumerate(nodes[: len(self.primaries)]):
                last = SLOTS - 1 if number == len(self.primaries) - 1 else (number + 1) * share - 1
                node.execute_command("CLUSTER ADDSLOTSRANGE", number * share, last)
            for node in nodes[1:]:
                first = self.primaries[0]
                node.execute_command("CLUSTER MEET", "127.0.0.1", first.port, first.bus_port)
            _until(lambda: all(_known(node) == len(nodes) for node in nodes))
            for primary, replica in zip(nodes, nodes[len(self.primaries) :], strict=False):
                replica.execute_command("CLUSTER REPLICATE", primary.execute_command("CLUSTER MYID"))
            _until(lambda: all(_state(node)["cluster_state"] == "ok" for node in nodes))
            _until(
                lambda: all(
                    node.info("replication")["master_link_status"] == "up" for node in nodes[len(self.primaries) :]
                )
            )


def _node(folder):
    # Redis's own choice, its port and 10,000, may be beyond all ports
    bus = free_port()
    options = {"cluster-enabled": "yes", "cluster-port": bus, "cluster-node-timeout": NODE_TIMEOUT_MS}
    server = RedisServer(folder, *(str(word) for name, value in options.items() for word in (f"--{name}", value)))
    server.bus_port = bus
    return server


@contextmanager
def client(server):
    """A client of this node alone."""
    node = Redis(port=server.port, decode_responses=True, socket_timeout=2)
    try:
        yield node
    finally:
        node.close()


def _known(node):
    return int(_state(node)["cluster_known_nodes"])


def _state(node):
    return node.execute_command("CLUSTER INFO")


def _until(holds):
    end = time.monotonic() + FORM_S
    while not holds():
        assert time.monotonic() < end, "the cluster did not form"
        time.sleep(0.02)


@contextmanager
def cluster(folder, *, primaries=3, replicas=True):
    """A Cluster while the block runs."""
    servers = []
    try:
        for number in range(primaries * (2 if replicas else 1)):
            place = folder / f"node-{number}"
            place.mkdir()
            servers.append(_node(place))
        yield RedisCluster(servers, primaries)
    finally:
        for server in servers:
            server.stop()
