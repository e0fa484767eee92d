"""Who may know whom, read off the import graph."""

import ast
import graphlib
import subprocess
import sys

import grimp
import pytest

#: What implements a port. Neighbours in the same folder may know it; the rest meets it in `rag.compose` only.
ADAPTERS = (
    "rag.embedding.onnx",
    "rag.retrieval.edge",
    "rag.retrieval.lexical",
    "rag.retrieval.qdrant",
    "rag.storage.cache.sqlite",
    "rag.storage.documents",
    "rag.storage.keys",
    "rag.storage.redis",
    "rag.telemetry.otel",
    "router.backends",
)
#: Where adapters are picked: for the service, for its indexes, models and storage by themselves, and for its ingestion.
COMPOSITION_ROOTS = (
    "rag.compose",
    "rag.caching",
    "rag.indexes",
    "rag.limiting",
    "rag.models",
    "rag.persistence",
    "rag.tracing",
    "rag.ingestion.child",
)
#: A module that imports one of these touches the outside: it is an adapter, or it stands in the next list.
OUTSIDE = {"aiohttp", "onnxruntime", "opentelemetry", "qdrant_client", "qdrant_edge", "redis", "sqlite3"}
#: Modules that may touch the outside and implement no port -> why.
NO_ADAPTER = {
    "rag.compose": "makes what adapters share, such as a client session",
    "rag.cli": "speaks to a running service",
    "rag.doctor": "asks whether servers answer",
    "rag.retrieval.graph": "a program of its own, which the embedded dense index starts",
    "rag.storage.backup": "copies the catalog as a file, whole",
    "rag.storage.database": "runs SQLite for the adapters and stores that use it",
    "rag.storage.jobs": "the memory of ingestion, in the data folder whatever serves the ports",
    "rag.storage.letters": "the memory of ingestion, in the data folder whatever serves the ports",
    "rag.storage.points": "the memory of ingestion, in the data folder whatever serves the ports",
    "rag.storage.upgrades": "steps within SQLite files, for who opens them",
}
#: Slow to import and never needed to serve.
HEAVY = {"torch", "transformers", "sentence_transformers", "optimum"}
EXPORT = "rag.embedding.export"
VOCABULARY = ("types", "errors", "ports")
#: Module -> why it reads the environment itself instead of being given settings.
READS_ENVIRONMENT = {
    "rag.settings": "the one place that turns environment and TOML into settings",
    "evals.bench.processes": "hands its own environment on to the children that it measures",
    "chaos.lab.environment": "hands its own environment on to the lab's children, without the user's settings",
}


def belongs(module, names):
    return any(module == name or module.startswith(f"{name}.") for name in names)


@pytest.fixture(scope="module")
def graph(packages):
    return grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def edges(graph, packages):
    """(importer, imported) of every import between modules of the product and from it to the outside."""
    return [
        (importer, imported)
        for importer in sorted(graph.modules)
        if belongs(importer, packages)
        for imported in sorted(graph.find_modules_directly_imported_by(importer))
    ]


def test_packages_depend_in_one_direction(graph):
    layers = ["chaos", "evals", "rag", grimp.Layer("cache", "router", independent=True)]
    broken = [
        " -> ".join(("*", *sorted(route.heads)[:1], *route.middle, *sorted(route.tails)[:1]))
        for dependency in graph.find_illegal_dependencies_for_layers(layers)
        for route in dependency.routes
    ]
    assert not broken, "\n".join(broken)


def test_no_module_is_part_of_an_import_cycle(edges):
    dependencies = {}
    for importer, imported in edges:
        dependencies.setdefault(importer, set()).add(imported)
    try:
        graphlib.TopologicalSorter(dependencies).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_the_vocabulary_rests_on_vocabulary_alone(edges, packages):
    words = [f"{package}.{name}" for package in packages for name in VOCABULARY]
    broken = [
        f"{importer} -> {imported}"
        for importer, imported in edges
        if importer in words and belongs(imported, packages) and imported not in words
    ]
    assert not broken, "\n".join(broken)


def test_the_list_of_adapters_is_true(graph):
    absent = [adapter for adapter in ADAPTERS if adapter not in graph.modules]
    assert not absent, "\n".join(absent)


def test_what_touches_the_outside_is_listed_as_an_adapter(edges):
    broken = [
        f"{importer} -> {imported}"
        for importer, imported in edges
        if imported in OUTSIDE
        and belongs(importer, ("rag", "router", "cache"))
        and not belongs(importer, (*ADAPTERS, *NO_ADAPTER))
    ]
    assert not broken, "\n".join(broken)


def test_only_the_composition_root_knows_adapters(edges):
    broken = [
        f"{importer} -> {imported}"
        for importer, imported in edges
        if belongs(imported, ADAPTERS)
        and belongs(importer, ("rag", "router", "cache"))
        and not belongs(importer, (*COMPOSITION_ROOTS, imported.rpartition(".")[0]))
    ]
    assert not broken, "\n".join(broken)


def test_the_pipeline_knows_ports_and_neither_adapters_nor_who_calls_it(graph):
    known = graph.find_upstream_modules("rag.pipeline", as_package=True)
    above = (*ADAPTERS, *NO_ADAPTER, "rag.api", "rag.doctor", "rag.settings")
    broken = [module for module in sorted(known) if belongs(module, above)]
    assert not broken, "\n".join(broken)


def test_the_service_loads_neither_training_frameworks_nor_what_stands_outside_it(modules, root):
    serving = [module.name for module in modules if belongs(module.name, ("rag", "router", "cache"))]
    names = [name for name in serving if name != EXPORT and not name.endswith("__main__")]
    program = f"import importlib, sys; [importlib.import_module(name) for name in {names}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert {"rag", "router", "cache"} <= loaded
    assert not loaded & {*HEAVY, "chaos", "evals"}


def reads_environment(tree):
    names = {"environ", "environb", "getenv", "getenvb"}
    return any(
        (isinstance(node, ast.Attribute) and node.attr in names and ast.unparse(node.value) == "os")
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and names & {each.name for each in node.names})
        for node in ast.walk(tree)
    )


def test_only_the_settings_read_the_environment(modules):
    readers = {module.name for module in modules if reads_environment(module.tree)}
    assert not readers - set(READS_ENVIRONMENT), "settings are handed down; see rag/settings.py"


@pytest.mark.parametrize(
    ("source", "expected"),
    [("import os\nos.environ['A']", True), ("from os import getenv", True), ("import os\nos.getpid()", False)],
)
def test_reads_environment_sees_every_way_in(source, expected):
    assert reads_environment(ast.parse(source)) is expected
