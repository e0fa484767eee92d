"""`steadyrag eval`: measure the service, running or composed for the purpose."""

from __future__ import annotations

import typer

from rag.cli.lazy import add_lazily

app = typer.Typer(name="eval", help="Measure quality, speed and cost.", no_args_is_help=True)
add_lazily(
    app,
    {
        "retrieval": ("evals.retrieval.command:retrieval", "Quality and speed of retrieval on a judged collection."),
        "answers": ("evals.answers.command:answers", "Answers and citations on questions with known answers."),
        "gate": ("evals.gate.command:gate", "Stop a regression, query by query."),
        "sweep": ("evals.sweep.command:sweep", "The highest rate that keeps the objective, and the knee."),
        "plan": ("evals.planner.command:plan", "Replicas and cost for a load, and the way to ten times the load."),
        "waterfall": ("evals.profile.command:waterfall", "Where the time of the p50 and the p99 request goes."),
        "profile": ("evals.profile.command:profile", "A flame graph of the service under load."),
        "suite": ("evals.suite.command:suite", "Run a battery of commands."),
        "soak": ("evals.soak.command:soak", "Memory, handles, threads and latency under load that goes on."),
        "report": ("evals.pages.command:report", "One HTML page of any runs, those of a kind compared."),
        "cache": ("evals.cache.command:cache", "How often the cache would serve a right and a wrong answer."),
        "routing": ("evals.routing.command:routing", "What choosing between the models is worth."),
        "latency": ("evals.load.command:latency", "Latency under open-loop load."),
    },
)
