"""Clients that were written for Toxiproxy drive the fault proxy as they are."""

import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace

import pytest

TIMEOUT_S = 20.0
CHAOSTOOLKIT = "chaostoxi"


@pytest.fixture(scope="module")
def api():
    """Where the fault proxy listens: host and port."""
    command = [sys.executable, "-m", "chaos.proxy", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        host, _, port = process.stdout.readline().split()[-1].rpartition(":")
        yield SimpleNamespace(host=host, port=int(port))
        process.terminate()


@pytest.fixture
def upstream():
    """`host:port` of a server that sends back what it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(8) as pool:
        threading.Thread(target=serve, args=(listener, pool), daemon=True).start()
        yield "{}:{}".format(*listener.getsockname())
        listener.shutdown(socket.SHUT_RDWR)


def serve(listener, pool):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        pool.submit(send_back, connection)


def send_back(connection):
    with connection:
        connection.settimeout(TIMEOUT_S)
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
        except OSError:
            return


def exchange(listen, data=b"ping"):
    """What comes back of what is sent, or before the connection is closed, and in how many seconds."""
    host, _, port = listen.rpartition(":")
    began_s = time.perf_counter()
    with closing(socket.create_connection((host, int(port)), timeout=TIMEOUT_S)) as connection:
        connection.sendall(data)
        received = b""
        while len(received) < len(data) and (part := connection.recv(65536)):
            received += part
    return received, time.perf_counter() - began_s


class TestToxiproxyPython:
    """`toxiproxy-python`."""

    @pytest.fixture
    def server(self, api):
        toxiproxy = pytest.importorskip("toxiproxy")
        server = toxiproxy.Toxiproxy()
        server.update_api_consumer(api.host, api.port)
        yield server
        server.destroy_all()

    def test_it_knows_that_the_server_runs(self, server):
        assert server.running()
        assert b'"version"' in server.version()

    def test_proxies(self, server, upstream):
        proxy = server.create(name="test", upstream=upstream)
        assert proxy.enabled
        assert exchange(proxy.listen)[0] == b"ping"
        assert list(server.proxies()) == ["test"]
        assert server.get_proxy("test").upstream == upstream
        assert server.get_proxy("none") is None
        assert server.destroy(proxy)
        assert server.proxies() == {}

    def test_a_proxy_is_down_for_a_while(self, server, upstream):
        proxy = server.create(name="test", upstream=upstream)
        with proxy.down(), pytest.raises(ConnectionRefusedError):
            exchange(proxy.listen)
        assert exchange(proxy.listen)[0] == b"ping"

    def test_populate(self, server, upstream):
        wanted = {"name": "test", "upstream": upstream, "listen": "127.0.0.1:0"}
        (first,) = server.populate([wanted])
        assert server.populate([{**wanted, "listen": first.listen}]) == []
        (second,) = server.populate([wanted])
        assert second.listen != first.listen

    def test_toxics(self, server, upstream):
        proxy = server.create(name="test", upstream=upstream)
        proxy.add_toxic(type="latency", attributes={"latency": 150})
        proxy.add_toxic(type="limit_data", name="cut", attributes={"bytes": 2})
        proxy.add_toxic(type="slicer", stream="upstream", toxicity=0.0)
        assert set(proxy.toxics()) == {"latency_downstream", "cut", "slicer_upstream"}
        assert proxy.get_toxic("cut").attributes == {"bytes": 2}
        received, took_s = exchange(proxy.listen)
        assert received == b"pi"
        assert took_s >= 0.15
        assert proxy.destroy_toxic("latency_downstream")
        assert server.reset()
        assert proxy.toxics() == {}

    def test_what_is_refused_is_its_error(self, server, upstream):
        from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

        proxy = server.create(name="test", upstream=upstream)
        with pytest.raises(ProxyExists):
            server.create(name="test", upstream=upstream)
        with pytest.raises(InvalidToxic):
            proxy.add_toxic(type="unknown")
        with pytest.raises(NotFound):
            proxy.destroy_toxic("none")
        proxy.add_toxic(type="latency")
        with pytest.raises(ProxyExists):
            proxy.add_toxic(type="latency")


class TestChaosToolkitToxiproxy:
    """`chaostoolkit-toxiproxy`, whose actions and probes name a proxy and write its port into the configuration."""

    @pytest.fixture
    def configuration(self, api, monkeypatch):
        monkeypatch.setenv("test_PORT", "")  # its actions set it
        return {"toxiproxy_host": api.host, "toxiproxy_port": api.port}

    @pytest.fixture
    def use(self, configuration, upstream):
        """Calls actions and probes; `test` is a proxy."""
        proxies = pytest.importorskip(f"{CHAOSTOOLKIT}.proxy.actions")
        probes = pytest.importorskip(f"{CHAOSTOOLKIT}.proxy.probes")
        toxics = pytest.importorskip(f"{CHAOSTOOLKIT}.toxic.actions")
        host, _, port = upstream.rpartition(":")
        # Its default listens on all addresses, which here are those of the loopback.
        assert proxies.create_proxy("test", host, int(port), configuration=configuration)
        listen = f"127.0.0.1:{configuration['test_PORT']}"
        yield SimpleNamespace(proxies=proxies, probes=probes, toxics=toxics, listen=listen)
        proxies.delete_proxy("test", configuration=configuration)
        assert not probes.proxy_exist("test", configuration=configuration)

    def test_a_proxy(self, use, configuration):
        assert exchange(use.listen)[0] == b"ping"
        assert use.probes.proxy_exist("test", configuration=configuration)
        assert use.proxies.disable_proxy("test", configuration=configuration)
        assert use.probes.get_proxy_attribute("test", "enabled", configuration=configuration) is False
        with pytest.raises(ConnectionRefusedError):
            exchange(use.listen)
        assert use.proxies.enable_proxy("test", configuration=configuration)
        assert exchange(use.listen)[0] == b"ping"

    def test_another_address(self, use, configuration):
        assert use.proxies.modify_proxy("test", listen_address="127.0.0.1:0", configuration=configuration)
        assert exchange(f"127.0.0.1:{configuration['test_PORT']}")[0] == b"ping"

    def test_every_toxic(self, use, configuration):
        toxics = use.toxics
        for create, attributes in (
            (toxics.create_latency_toxic, {"latency": 100, "jitter": 0}),
            (toxics.create_bandwith_degradation_toxic, {"rate": 1000}),
            (toxics.create_slow_connection_close_toxic, {"delay": 10}),
            (toxics.create_slicer_toxic, {"average_size": 2, "size_variation": 1, "delay": 10}),
            (toxics.create_limiter_toxic, {"bytes_limit": 3}),
        ):
            assert create(for_proxy="test", toxic_name=create.__name__, configuration=configuration, **attributes)
        received, took_s = exchange(use.listen)
        assert received == b"pin"
        assert took_s >= 0.1
        assert toxics.delete_toxic("test", "create_limiter_toxic", configuration=configuration)
        assert exchange(use.listen)[0] == b"ping"
        assert use.proxies.reset(configuration=configuration)

    def test_a_timeout(self, use, configuration):
        made = use.toxics.create_timeout_toxic("test", "stop", timeout=50, configuration=configuration)
        assert made
        received, took_s = exchange(use.listen)
        assert received == b""
        assert took_s >= 0.05

    def test_a_toxic_without_attributes(self, use, configuration):
        assert use.toxics.create_toxic("test", "reset", "reset_peer", stream="upstream", configuration=configuration)
        with pytest.raises(ConnectionResetError):
            exchange(use.listen)
