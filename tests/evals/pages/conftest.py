"""Runs of every kind, as the commands store them, with names and texts that want to be markup."""

from functools import cache

import pytest

from evals.answers import report as answers
from evals.load import report as load
from evals.load.generator import LoadRun
from evals.load.records import Record
from evals.load.slo import Slo
from evals.pages.found import Found
from evals.planner.plan import plan
from evals.planner.prediction import Draws, Objective
from evals.planner.prices import Prices
from evals.planner.workload import read_workload
from evals.profile.stages import STAGES
from evals.profile.waterfall import waterfall
from evals.runs import Run, save_run
from evals.soak.run import summarise as soaked
from evals.sweep.knee import Point
from evals.sweep.knee import summarise as swept
from tests.support.profiled import PARTS
from tests.support.profiled import RECORDS as STAGED

NASTY = "<b>&\"'"
SLO = Slo(e2e=0.5)


def records(slow_s=0.2):
    """Ninety answers in as many seconds, a third of them exact hits, and a refusal."""
    answered = [
        Record(f"r{n}", float(n), 0.0, hit, hit, verdict="exact", model="small", cost=0.0, saved=2.0, status=200)
        if n % 3 == 0
        else Record(f"r{n}", float(n), 0.0, slow_s, slow_s / 2, verdict="miss", model=NASTY, cost=1.0, saved=0.0)
        for n, hit in ((n, 0.002) for n in range(90))
    ]
    return [*answered, Record("refused", 90.0, 0.0, 0.01, status=503, error="http_503", retry_after="1")]


def latency(slow_s=0.2):
    found = records(slow_s)
    return load.summary(LoadRun(found, 91.0, 0.1, interrupted=False), SLO) | {"texts": 60}, [r.row() for r in found]


def sweep():
    points = [
        Point(rate, min(rate, 45.0), min(rate, 40.0), 1.0 if rate < 50 else 0.5, rate < 50, 0, ms, ms, ())
        for rate, p50 in ((10.0, 20.0), (20.0, 22.0), (40.0, 40.0), (80.0, 900.0))
        for ms in [{"p50": p50, "p99": 3 * p50}]
    ]
    figures = swept(points, 0.2) | {"url": "", "slo": SLO.told(), "attain": 0.99}
    return figures, figures["points"]


def soak(per_hour_mib=0.0):
    samples = [
        {"at_s": 10.0 * n, "rss_mib": 500 + per_hour_mib * n / 360, "handles": 40.0, "threads": 9.0}
        | {"p50_ms": 20.0, "p99_ms": 30.0, "answers": 50, "errors": 0}
        for n in range(1, 181)
    ]
    return soaked(LoadRun(records(), 1_800.0, 0.1, interrupted=False), samples, slo=SLO), samples


@cache
def planned():
    prices = Prices(parts=PARTS)
    objective, draws = Objective(Slo(e2e=1.5), 0.95), Draws(1, 100)
    return plan(read_workload(STAGED, prices), prices, objective, rate_rps=4.0, draws=draws, watch=lambda _: None)


def judged(right):
    rows = [
        {"query": f"q{n}", "half": n % 2, "contains": n < right, "exact_match": False, "f1": 0.5, "cited_gold": True}
        | {"citation_precision": 1.0, "citation_recall": 1.0, "refused": False, "failed": False, "degraded": []}
        | {"words": 9, "unanswerable": n < 9, "abstained": n < 8, "abstained_rightly": float(n != 8)}
        for n in range(60)
    ]
    return {"dataset": "d", "n_docs": 1} | answers.summarise(rows, [], seed=0), rows


def retrieved():
    values = {"ndcg@10": 0.9, "ndcg@10_half_width95": 0.02, "recall@10": 0.95, "recall@100": 0.99, "mrr@10": 0.88}
    modes = {"hybrid": values | {"p50_ms": 6.5, "p99_ms": 11.0}}
    return {"dataset": NASTY, "n_docs": 9, "n_queries": 1, "modes": modes}, [{"query": "q", "hybrid.ndcg@10": 0.9}]


CACHE = {
    "n": 100,
    "n_same": 50,
    "policies": {
        "product": {
            "served": 10,
            "precision": 1.0,
            "precision_ci95": [0.7, 1.0],
            "recall": 0.2,
            "recall_ci95": [0.1, 0.3],
        }
        | {"false_hit_rate": 0.0, "false_hit_upper95": 0.06}
    },
    "recall_at_precision": {"product": {"0.90": 0.3, "0.95": 0.2}},
}
ROUTING = {
    "splits": 0,
    "decision_p50_ms": 0.1,
    "sources": {
        NASTY: {"n": 9, "small_quality": 0.4, "large_quality": 0.8, "apgr": 0.7, "apgr_ci95": [0.6, 0.8]}
        | {"baselines": {"length": 0.5}, "cpt50": 0.2, "cpt80": 0.5}
    },
}
PROFILE = {
    "out": NASTY,
    "achieved_rps": 8.0,
    "samples": 50,
    "top": [{"function": f"{NASTY} (rag/pipeline.py)", "own": 0.25, "with_called": 0.5}],
}
SUITE = {"steps": [{"name": "s", "outcome": "failed", "took_s": 1.0, "run": ["eval", NASTY], "figures": CACHE}]}


@pytest.fixture
def stored(tmp_path):
    """Put a run into a folder of that name; gives it as `find` does."""

    def put(name, kind, made):
        figures, rows = made
        folder = tmp_path / name
        folder.mkdir(parents=True)
        where = {"python": "3.11", "platform": "Linux", "cpu_count": 2, "packages": {}}
        run = Run(kind, 1_700_000_000.0, 0, {"slo": SLO.told()}, figures, where, "0123456789abcdef")
        save_run(folder, run, rows)
        return Found(name, kind, figures, rows, run, folder)

    pytest.importorskip("pyarrow")
    return put


@pytest.fixture
def made():
    """What each command finds: figures and rows by kind."""
    return {
        "latency": latency(),
        "slower": latency(0.9),
        "sweep": sweep(),
        "soak": soak(),
        "leak": soak(per_hour_mib=400.0),
        "answers": judged(50),
        "worse": judged(20),
        "retrieval": retrieved(),
        "cache": (CACHE, []),
        "routing": (ROUTING, []),
        "suite": (SUITE, []),
        "waterfall": ({"stages": STAGES, "runs": {NASTY: waterfall(STAGED)}}, []),
        "staged": (latency()[0], [record.row() for record in STAGED]),
        "profile": (PROFILE, []),
        "plan": (planned(), []),
    }


@pytest.fixture
def found(made):
    """A measurement whose figures and rows are those of `made`, without a folder."""

    def at(kind, name=NASTY, like=None):
        figures, rows = made[like or kind]
        return Found(name, kind, figures, rows)

    return at


@pytest.fixture
def texts():
    """Texts of the elements at a path below a piece of the page."""
    import xml.etree.ElementTree as ET

    def told(markup, path):
        return ["".join(each.itertext()) for each in ET.fromstring(f"<main>{markup}</main>").findall(path)]

    return told
