"""The options of every verb that takes its time: how it tells what it does, and where its metrics go."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Annotated, Any

import typer

from jobs.options import parameter, usage
from jobs.terminal.exit_codes import clear_errors
from jobs.terminal.watch import Style, watch
from pipeline.events import Listener
from pipeline.metrics.on_ray import RayRecorder
from pipeline.metrics.place import read_place

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "progress": (
        Annotated[
            Style,
            typer.Option(
                help="How stderr tells what goes on. rich: bars. plain: a line when something begins, and every 30 s. "
                "json: one JSON object a line, all messages too. none: messages alone. auto: rich on a terminal, "
                "else plain."
            ),
        ],
        "auto",
    ),
    "log_json": (Annotated[bool, typer.Option("--log-json", help="The same as --progress json.")], False),
    "metrics": (
        Annotated[
            Any,
            typer.Option(
                metavar="PLACE",
                envvar="TENFOLD_METRICS",
                parser=parameter(read_place),
                help="Metrics for Prometheus: a file NAME.prom in the folder that node_exporter reads, or [HOST]:PORT "
                "to be scraped. On a Ray cluster Ray exports them in any case.",
            ),
        ],
        None,
    ),
}
"""Name in Python -> how Typer reads it, and its default."""


def watched(verb: Callable[..., None]) -> Callable[..., None]:
    """The verb, with these options after its own."""

    @wraps(verb)
    def run(*args: Any, progress: Style, log_json: bool, metrics: Any, **options: Any) -> None:
        with ExitStack() as stack:
            stack.enter_context(clear_errors())
            listeners: list[Listener] = [RayRecorder()]
            if metrics is not None:
                from pipeline.metrics.prometheus import metrics_at  # few ask for it

                with usage():
                    listeners.append(stack.enter_context(metrics_at(metrics)))
            stack.enter_context(watch("json" if log_json else progress, *listeners))
            verb(*args, **options)

    signature = inspect.signature(verb, eval_str=True)
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in _OPTIONS.items()
    ]
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *more])  # type: ignore[attr-defined]
    run.__annotations__ = {name: one.annotation for name, one in run.__signature__.parameters.items()}  # type: ignore[attr-defined]
    return run
