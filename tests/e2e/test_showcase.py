"""The first thing that a newcomer sees: the README's question, asked over the project's own documentation."""

import json
import re
from pathlib import Path

from tests.support.processes import Environment, steadyrag

ROOT = Path(__file__).resolve().parents[2]


def test_the_questions_of_the_readme_and_the_quickstart_are_answered(scratch, model_folder):
    readme, quickstart = (ROOT / "README.md").read_text(), (ROOT / "docs/quickstart.md").read_text()
    environment = Environment(scratch / "data", model_folder, limits__min_free_bytes=0)
    taken_in = steadyrag(environment, "ingest", "docs", cwd=ROOT)
    assert taken_in.returncode == 0, taken_in.stderr
    [asked] = re.findall(r'"role": "user", "content": "([^"]+)"', readme)
    shown = json.loads(" ".join(re.findall(r"```json\n(\{.*?)```", readme, re.S)[0].split()))
    answer = json.loads(steadyrag(environment, "ask", asked, "--json").stdout)
    first = shown["choices"][0]["message"]["content"].partition(" [1]")[0]
    assert first in answer["choices"][0]["message"]["content"]
    assert re.search(r'steadyrag ask "([^"]+)"', quickstart)
    for question in re.findall(r'(?:steadyrag ask |"content": )"([^"]+)"', quickstart):
        answer = json.loads(steadyrag(environment, "ask", question, "--json").stdout)
        assert answer["steadyrag"]["answered"], question
        assert answer["citations"], question
