from chaos.proxy.metrics import Metrics
from chaos.proxy.toxics.toxic import Stream

NAMES = ("test", "127.0.0.1:1", "127.0.0.1:2")


def test_bytes_are_told_in_toxiproxys_names():
    metrics = Metrics()
    traffic = metrics.traffic(*NAMES)[Stream.UPSTREAM]
    traffic.received, traffic.sent = 5, 3
    lines = metrics.text().decode().splitlines()
    labels = 'direction="upstream",listener="127.0.0.1:1",proxy="test",upstream="127.0.0.1:2"'
    assert f"toxiproxy_proxy_received_bytes_total{{{labels}}} 5.0" in lines
    assert f"toxiproxy_proxy_sent_bytes_total{{{labels}}} 3.0" in lines
    assert any(line.startswith("process_cpu_seconds_total") for line in lines)


def test_a_proxy_that_comes_back_goes_on_counting():
    metrics = Metrics()
    assert metrics.traffic(*NAMES) is metrics.traffic(*NAMES)
    assert metrics.traffic(*NAMES) is not metrics.traffic("other", *NAMES[1:])
