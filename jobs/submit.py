"""`tenfold submit VERB ...`: the same verb as a Ray job on a cluster, its log followed here."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs.shared_places import check_places
from jobs.terminal.exit_codes import FAILED, INTERRUPTED, OK, clear_errors
from jobs.terminal.output import say
from pipeline.errors import ConfigError, TenfoldError, UsageError
from pipeline.own_code import FOLDER, PACKAGES

_VERBS = (
    "compress",
    "adapt",
    "nightly",
    "retry-failed",
    "decode",
    "verify",
    "repair",
    "prune",
    "preview",
    "report",
)
_DEFAULT_ADDRESS = "http://127.0.0.1:8265"
_ASK_EVERY_S = 1.0


def submit(
    context: typer.Context,
    address: Annotated[
        str,
        typer.Option(
            help="The cluster's dashboard. Default: RAY_API_SERVER_ADDRESS, else http://127.0.0.1:8265."
        ),
    ] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Print the job's id and return.")] = False,
) -> None:
    """Run a verb as a Ray job: tenfold submit [--address URL] compress SRC ARCHIVE [its options].

    The code and a --config file travel as the job's working directory; credentials do not: the cluster's
    machines use their own (role, profile, environment). SRC and ARCHIVE are read there, so give URLs or
    absolute paths on shared storage; relative ones are refused. The job's log is followed here, and its exit code
    becomes this command's.
    """
    with clear_errors():
        words = list(context.args)
        if not words or words[0] in ("-h", "--help"):
            print(context.get_help())
            raise SystemExit(0 if words else 2)
        if words[0] not in _VERBS:
            raise UsageError(f"Expected a verb to submit ({', '.join(_VERBS)}), got {words[0]!r}.")
        _check(context, words)
        where = address or os.environ.get("RAY_API_SERVER_ADDRESS") or _DEFAULT_ADDRESS
        with tempfile.TemporaryDirectory(prefix="tenfold-submit-") as folder:
            words = _stage(Path(folder), words)
            code = _run(where, Path(folder), shlex.join(["python", "-m", "tenfold", *words]), no_wait)
        raise SystemExit(code)


def _check(context: typer.Context, words: list[str]) -> None:
    """See here what the verb would refuse there."""
    verbs: Any = context.find_root().command
    name, verb, rest = verbs.resolve_command(context, words)
    with verb.make_context(name, rest, parent=context) as parsed:
        check_places(verb, parsed.params)


def _stage(folder: Path, words: list[str]) -> list[str]:
    """Copy the code, and a --config file, into what becomes the job's working directory."""
    for package in PACKAGES:
        compiled = shutil.ignore_patterns("__pycache__")
        shutil.copytree(FOLDER / package, folder / package, ignore=compiled)
    words = list(words)
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name != "--config" or (not equals and at + 1 == len(words)):
            continue
        given = Path(value if equals else words[at + 1])
        try:
            shutil.copy(given, folder / "submitted.yaml")
        except OSError as error:
            raise ConfigError(f"Expected a YAML file at {given}, got: {error.strerror}.") from error
        words[at : at + (1 if equals else 2)] = ["--config", "submitted.yaml"]
        break
    return words


def _run(address: str, folder: Path, entrypoint: str, no_wait: bool) -> int:
    from ray.exceptions import RayError  # seconds to import, and no other verb needs it
    from ray.job_submission import JobSubmissionClient

    try:
        client = JobSubmissionClient(address)
        job = client.submit_job(entrypoint=entrypoint, runtime_env={"working_dir": str(folder)})
    except RayError as error:
        raise TenfoldError(
            f"Expected the job server at {address} to let us in, got: {_first_line(error)} "
            "Set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN (or RAY_AUTH_TOKEN_PATH) to the cluster's token."
        ) from error
    except (ConnectionError, RuntimeError) as error:
        raise TenfoldError(
            f"Expected a Ray cluster's job server at {address}, got: {_first_line(error)} "
            "Give the dashboard's URL with --address; `ray status` shows whether the cluster is up."
        ) from error
    say(f"Submitted {job} to {address}: {entrypoint}")
    if no_wait:
        print(job)
        return OK
    try:
        asyncio.run(_follow(client, job))
        info = _ended(client, job)
    except KeyboardInterrupt:
        say(f"Not following any more; the job goes on. Stop it with: ray job stop --address {address} {job}")
        raise SystemExit(INTERRUPTED) from None
    except (TimeoutError, OSError, RuntimeError) as error:
        raise TenfoldError(
            f"Expected to follow {job} at {address}, got: {_first_line(error)} The job may go on: ray job status "
            f"--address {address} {job}"
        ) from error
    return _code(info)


def _ended(client: Any, job: str) -> Any:
    """What the job server knows of a job when it has ended; its log may end before."""
    while not (info := client.get_job_info(job)).status.is_terminal():
        time.sleep(_ASK_EVERY_S)
    return info


def _code(info: Any) -> int:
    """The code that the verb ended with there."""
    status = str(info.status.value)
    if status == "SUCCEEDED":
        return OK
    code = info.driver_exit_code
    if status == "STOPPED":
        say("The job was stopped.")
        return INTERRUPTED
    if code is None or not 0 < code < 256:
        say(f"The job ended as {status}: {info.message}")
        return FAILED
    say(f"The job ended with exit code {code}.")
    return int(code)


async def _follow(client: object, job: str) -> None:
    async for text in client.tail_job_logs(job):  # type: ignore[attr-defined]
        sys.stdout.write(text)
        sys.stdout.flush()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") + "." if lines else f"{type(error).__name__}."
