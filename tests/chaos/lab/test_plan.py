from chaos.lab.plan import CONNECTIONS, Plan


def test_every_server_has_a_port_of_its_own():
    plan = Plan.make(3)
    assert list(plan.replicas) == ["api-0", "api-1", "api-2"]
    ports = [*plan.listen.values(), *plan.upstream.values(), *plan.replicas.values(), plan.proxy, plan.control]
    assert len(set(ports)) == len(ports) == 2 * len(CONNECTIONS) + 5


def test_the_proxy_stands_in_front_of_everything():
    plan = Plan.make(1)
    assert [each["name"] for each in plan.proxies()] == list(CONNECTIONS)
    redis = next(each for each in plan.proxies() if each["name"] == "redis")
    assert redis["listen"] == f"127.0.0.1:{plan.listen['redis']}"
    assert redis["upstream"] == f"127.0.0.1:{plan.upstream['redis']}"
