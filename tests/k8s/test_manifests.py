"""What the manifests name exists: in each other, and in the code."""

import inspect
import re

import pytest
import typer.main
import yaml

from rag.doctor import SPACED_IDF
from rag.settings import NOT_SETTINGS, PREFIX, Settings, load_settings
from rag.storage.redis.jobs import STREAM
from rag.version import __version__
from tests.support.manifests import COMPONENT, K8S, ROOT, selects

OURS = {f"steadyrag:{__version__}", f"steadyrag-tools:{__version__}"}
CONTAINER_SECURITY = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def labels(pod):
    return pod["metadata"]["labels"]


def ports(pod):
    """Name -> number of what a pod's containers listen on."""
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return {port["name"]: port["containerPort"] for each in containers for port in each.get("ports", [])}


def ours(manifests):
    return {name: each for name, each in manifests.containers().items() if each["image"] in OURS}


def serving(manifests):
    return {name: each for name, each in ours(manifests).items() if each.get("args", [""])[0] == "serve"}


def test_settings_are_those_of_the_code(manifests, monkeypatch):
    assert serving(manifests)
    for name, container in ours(manifests).items():
        with monkeypatch.context() as patched:
            mine = {key: value for key, value in manifests.environment(container).items() if key.startswith(PREFIX)}
            assert not [key for key in mine if key.startswith(NOT_SETTINGS)]
            for key, value in mine.items():
                patched.setenv(key, value)
            assert load_settings(), name


def test_limits_are_set_as_the_page_shows(monkeypatch):
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```ini\n(.*?)```", page, re.S)
    for line in example.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    quotas = load_settings().quotas
    assert (quotas.key.requests, quotas.tenants["acme"].requests, quotas.fail) == (60, 3_000, "closed")


def test_no_variable_of_a_service_is_taken_for_a_setting(manifests):
    assert not [name for name, pod in manifests.pods().items() if pod["spec"].get("enableServiceLinks") is not False]


def fault(command, words):
    """What of the words does not exist in the Typer command, or None."""
    command = getattr(command, "loaded", command)
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    for position, word in enumerate(words):
        if word.startswith("--") and word.split("=")[0] not in options:
            return f"no option {word}"
        if not word.startswith("-") and (children := getattr(command, "commands", None)):
            child = children.get(word)
            return fault(child, words[position + 1 :]) if child else f"no command {word}"
    return None


def test_commands_exist(manifests):
    from rag.cli import with_commands_of_other_packages

    tree = typer.main.get_command(with_commands_of_other_packages())
    called = {name: each["args"] for name, each in ours(manifests).items() if "command" not in each}
    faults = {name: fault(tree, words) for name, words in called.items()}
    assert faults
    assert not {name: wrong for name, wrong in faults.items() if wrong}


def test_probes_ask_routes_that_there_are(manifests, routes):
    probes = ("startupProbe", "livenessProbe", "readinessProbe")
    asked = {each[probe]["httpGet"]["path"] for each in serving(manifests).values() for probe in probes}
    assert asked == {"/health", "/ready"}
    scraped = {end["path"] for each in manifests.of("ServiceMonitor") for end in each["spec"]["endpoints"]}
    assert asked | scraped <= routes


def test_pods_listen_where_they_are_asked_and_only_with_a_key(manifests):
    for name, container in serving(manifests).items():
        assert container["args"] == ["serve", "--host=0.0.0.0"], name
        assert {port["containerPort"] for port in container["ports"]} == {serve_port()}, name
        assert "STEADYRAG_ADMIN_KEY" in manifests.environment(container), name


def serve_port():
    """Where `steadyrag serve` listens unless it is told otherwise."""
    from rag.cli.serve import serve

    return inspect.signature(serve).parameters["port"].default


@pytest.fixture(scope="module")
def routes():
    """Paths of the API, as its source declares them."""
    source = (ROOT / "rag/api/operations.py").read_text(encoding="utf-8")
    return set(re.findall(r'@app\.get\("(/\w*)"', source))


def test_probes_ask_ports_that_are_listened_on(manifests):
    for owner, pod in manifests.pods().items():
        known = ports(pod)
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                check = container.get(probe, {})
                port = (check.get("httpGet") or check.get("tcpSocket") or {}).get("port")
                assert port is None or port in known or port in known.values(), (owner, probe)


def test_whoever_stays_is_probed(manifests):
    for each in manifests.of("Deployment", "StatefulSet"):
        for container in each["spec"]["template"]["spec"]["containers"]:
            wanted = {"startupProbe", "livenessProbe", "readinessProbe"}
            asks_nobody = container["name"] == "load"
            assert asks_nobody or wanted <= set(container), (each["metadata"]["name"], container["name"])


def test_a_pod_has_time_to_drain(manifests):
    for name, pod in manifests.pods().items():
        for container in pod["spec"]["containers"]:
            settings = manifests.environment(container)
            if container.get("args", [""])[0] == "serve":
                pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
                needed = pause + float(settings.get("STEADYRAG_SHUTDOWN_S", Settings().shutdown_s)) + 5
                assert pod["spec"]["terminationGracePeriodSeconds"] >= needed, name


def test_the_api_waits_until_nobody_sends_it_requests(production):
    (container,) = (each for name, each in serving(production).items() if name.startswith("Deployment/steadyrag/"))
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] >= 5


def test_pods_may_do_as_little_as_possible(manifests):
    for name, pod in manifests.pods().items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
    for name, container in manifests.containers().items():
        assert container["securityContext"] == CONTAINER_SECURITY, name
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
        assert "memory" in container["resources"]["limits"], name


def test_secrets_are_named_and_not_held(manifests, secrets_documented):
    assert not manifests.of("Secret")
    wanted = set()
    for pod in manifests.pods().values():
        for container in [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]:
            refs = (entry.get("valueFrom", {}).get("secretKeyRef") for entry in container.get("env", []))
            wanted |= {(ref["name"], ref["key"]) for ref in refs if ref}
        held = [each["secret"] for each in pod["spec"].get("volumes", []) if "secret" in each]
        wanted |= {(secret["secretName"], item["key"]) for secret in held for item in secret["items"]}
    assert wanted
    assert wanted <= secrets_documented


@pytest.fixture(scope="module")
def secrets_documented():
    """Secret and key of each row of the table in docs/kubernetes.md."""
    page = (ROOT / "docs/kubernetes.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([\w-]+)` \| `([\w.-]+)` \|", page, re.M))


def test_selectors_select(manifests):
    pods = [labels(pod) for pod in manifests.pods().values()]
    for each in manifests.of("Service"):
        assert any(selects({"matchLabels": each["spec"]["selector"]}, mine) for mine in pods), each["metadata"]["name"]
    for each in manifests.of("PodDisruptionBudget", "PodMonitor"):
        assert any(selects(each["spec"]["selector"], mine) for mine in pods), each["metadata"]["name"]


def test_network_policies_name_pods_and_ports_that_there_are(manifests):
    pods = list(manifests.pods().values())
    components = {labels(pod)[COMPONENT] for pod in pods}
    for policy in manifests.of("NetworkPolicy"):
        named = set(re.findall(rf"'{COMPONENT}': '([\w-]+)'", str(policy)))
        named |= {value for rule in in_rules(policy) for value in rule["values"]}
        assert named <= components | {"flush"}, policy["metadata"]["name"]
        chosen = [pod for pod in pods if selects(policy["spec"]["podSelector"], labels(pod))]
        listened = {number for pod in chosen for number in ports(pod).values()}
        for rule in policy["spec"].get("ingress", []):
            assert {port["port"] for port in rule["ports"]} & listened or not chosen, policy["metadata"]["name"]


def in_rules(node):
    """Every `matchExpressions` entry below a node."""
    if isinstance(node, dict):
        yield from node.get("matchExpressions", [])
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from in_rules(each)


def test_services_lead_to_ports_that_are_listened_on(manifests):
    for service in manifests.of("Service"):
        selector = {"matchLabels": service["spec"]["selector"]}
        known = {}
        for pod in manifests.pods().values():
            known |= ports(pod) if selects(selector, labels(pod)) else {}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(known), service["metadata"]["name"]


def test_monitors_scrape_ports_that_services_and_pods_have(production):
    for monitor in production.of("ServiceMonitor"):
        services = [
            each
            for each in production.of("Service")
            if selects(monitor["spec"]["selector"], each["metadata"]["labels"])
        ]
        assert services
        for service in services:
            names = {port["name"] for port in service["spec"]["ports"]}
            assert {end["port"] for end in monitor["spec"]["endpoints"]} <= names
    for monitor in production.of("PodMonitor"):
        chosen = [pod for pod in production.pods().values() if selects(monitor["spec"]["selector"], labels(pod))]
        assert chosen
        for pod in chosen:
            assert {end["port"] for end in monitor["spec"]["podMetricsEndpoints"]} <= set(ports(pod))


def test_images_are_pinned_and_those_that_we_are_tested_with(manifests):
    images = {container["image"] for container in manifests.containers().values()}
    assert all(re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image) for image in images), images
    tags = dict(image.rsplit(":", 1) for image in images)
    assert tags["steadyrag"] == __version__
    assert tags["qdrant/qdrant"].startswith("v{}.{}.".format(*SPACED_IDF))
    if "vllm/vllm-openai" in tags:
        needs = (ROOT / "requirements/vllm.txt").read_text(encoding="utf-8")
        assert f"vllm=={tags['vllm/vllm-openai'].removeprefix('v')}" in needs.split()


def test_qdrant_survives_the_loss_of_a_node(production):
    qdrant = production.named("StatefulSet", "qdrant")
    settings = production.named("ConfigMap", serving_config(production))["data"]
    assert qdrant["spec"]["replicas"] == 3
    assert settings["STEADYRAG_INDEX__REPLICATION_FACTOR"] == "2"
    assert qdrant["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]


def serving_config(manifests):
    container = next(iter(serving(manifests).values()))
    return container["envFrom"][0]["configMapRef"]["name"]


def test_the_log_keeps_what_it_acknowledged(manifests):
    args = manifests.named("StatefulSet", "redis-log")["spec"]["template"]["spec"]["containers"][0]["args"]
    assert dict(zip(args[::2], args[1::2], strict=True)) | {
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--maxmemory-policy": "noeviction",
    } == dict(zip(args[::2], args[1::2], strict=True))


def test_models_are_asked_where_they_are(production):
    settings = production.named("ConfigMap", serving_config(production))["data"]
    for tier in ("small", "large"):
        url, name = settings[f"STEADYRAG_MODELS__{tier.upper()}"].split("#")
        service = production.named("Service", re.match(r"http://([\w-]+):8000/v1$", url)[1])
        (container,) = production.named("StatefulSet", service["metadata"]["name"])["spec"]["template"]["spec"][
            "containers"
        ]
        assert f"--served-model-name={name}" in container["args"]
        assert {"--enable-prefix-caching", "--enable-prompt-tokens-details", "--port=8000"} <= set(container["args"])
        limits = container["resources"]["limits"]
        assert f"--tensor-parallel-size={limits['nvidia.com/gpu']}" in [*container["args"], "--tensor-parallel-size=1"]
        assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 1_800


def test_scalers_do_not_scale_down_blindly(production):
    scaled = production.of("ScaledObject")
    assert {each["spec"]["scaleTargetRef"]["name"] for each in scaled} == {
        "vllm-small",
        "vllm-large",
        "steadyrag-ingestion",
    }
    for each in scaled:
        spec = each["spec"]
        assert spec["fallback"]["replicas"] >= max(1, spec["minReplicaCount"])
        target = production.named(spec["scaleTargetRef"]["kind"], spec["scaleTargetRef"]["name"])
        assert "replicas" not in target["spec"]
        for trigger in spec["triggers"]:
            if trigger["type"] == "prometheus":
                assert trigger["metadata"]["ignoreNullValues"] == "false"
                assert trigger["metricType"] == "AverageValue"  # KEDA's fallback knows no other
            else:
                assert trigger["metadata"]["stream"] == STREAM


def test_the_queue_is_watched_by_its_name(production, rule_groups, dashboard):
    args = production.containers()["StatefulSet/redis-log/exporter"]["args"]
    assert f"--check-streams={STREAM}" in args
    for text in (str(rule_groups), str(dashboard)):
        assert f'stream="{STREAM}"' in text


def test_the_api_is_scaled_by_what_it_exports(production, rule_groups):
    (hpa,) = production.of("HorizontalPodAutoscaler")
    target = production.named(hpa["spec"]["scaleTargetRef"]["kind"], hpa["spec"]["scaleTargetRef"]["name"])
    assert "replicas" not in target["spec"]
    (metric,) = hpa["spec"]["metrics"]
    (rule,) = yaml.safe_load((K8S / "monitoring/adapter-values.yaml").read_text())["rules"]["custom"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    recorded = {each.get("record") for group in rule_groups for each in group["rules"]}
    name = re.search(r'__name__="([\w:]+)"', rule["seriesQuery"])[1]
    assert name in recorded


def test_the_backup_asks_every_peer(manifests):
    peers = manifests.named("StatefulSet", "qdrant")["spec"]["replicas"]
    args = manifests.containers()["CronJob/backup/points"]["args"]
    asked = [word for word in args if word.startswith("http://")]
    suspended = manifests.named("CronJob", "backup")["spec"]["suspend"]
    assert suspended or asked == [f"http://qdrant-{n}.qdrant-headless:6333" for n in range(peers)]


def test_every_experiment_has_its_mirror(experiments):
    assert set(experiments) == {path.stem for path in (ROOT / "chaos/experiments").glob("*.yaml")}


def test_experiments_end_by_themselves_and_stay_in_their_place(experiments, production):
    components = {labels(pod)[COMPONENT] for pod in production.pods().values()} | {"load", "flush"}
    for name, objects in experiments.items():
        for each in objects:
            assert each["metadata"]["namespace"] == "steadyrag", name
            assert each["metadata"]["name"] == name
            assert set(re.findall(rf"'{COMPONENT}': '([\w-]+)'", str(each))) <= components
            places = re.findall(r"'namespaces': (\[.*?\])", str(each))
            assert set(places) <= {"['steadyrag']"}
            ends = {"duration", "activeDeadlineSeconds"} & set(each["spec"])
            kills = each["spec"].get("action") == "container-kill" or each["kind"] == "Schedule"
            assert ends or kills, name
