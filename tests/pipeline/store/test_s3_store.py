"""What S3 adds to the contract of Storage: request counts, lost answers, wrong credentials, Delta Lake."""

from __future__ import annotations

import os
import pickle
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import deltalake
import pyarrow as pa
import pytest

from pipeline.archive.delta_access import delta_options, delta_url
from pipeline.errors import StorageError, StoreDownError, UnreadableError
from pipeline.store.options import StorageOptions
from pipeline.store.patience import unanswered
from pipeline.store.storage import Storage
from tests.support.lossy_proxy import Fault, Proxy, run_proxy
from tests.support.seaweed import S3Server, forget_conditions


@pytest.fixture
def proxy(s3_env: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with run_proxy(s3_env.endpoint) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.url)
        yield running


def once(method: str, fault: Fault) -> Callable[[str], Fault]:
    """A fault for the first request of a method."""
    left = [fault]
    return lambda request: left.pop() if left and request.startswith(method) else "none"


def assert_no_secret(error: BaseException, *secrets: str) -> None:
    text = repr(error) + "".join(traceback.format_exception(error))
    assert not [secret for secret in secrets if secret in text]


class TestRequests:
    def test_a_range_is_one_get(self, proxy: Proxy, s3: S3Server) -> None:
        storage = Storage(f"s3://{s3.bucket()}/p")
        storage.write("x", bytes(range(100)))
        assert storage.read_range("x", 10, 20) == bytes(range(10, 30))
        assert [request.split()[0] for request in proxy.requests] == ["PUT", "GET"]
        assert proxy.requests[1].endswith("/p/x bytes=10-29")

    def test_a_read_is_one_get_and_a_create_one_put(self, proxy: Proxy, s3: S3Server) -> None:
        storage = Storage(f"s3://{s3.bucket()}")
        assert storage.create("x", b"1" * 1000)
        assert storage.read("x") == b"1" * 1000
        assert [request.split()[0] for request in proxy.requests] == ["PUT", "GET"]

    def test_pages_are_asked_for_as_they_are_needed(self, proxy: Proxy, s3: S3Server) -> None:
        bucket = s3.bucket()
        client = s3.client()
        for number in range(3):
            client.put_object(Bucket=bucket, Key=f"{number}", Body=b"")
        listing = Storage(f"s3://{bucket}").list()
        assert proxy.requests == []
        next(listing)
        assert len(proxy.requests) == 1
        assert len(list(listing)) == 2
        assert len(proxy.requests) == 1

    def test_folder_markers_are_no_objects(self, s3_env: S3Server) -> None:
        bucket = s3_env.bucket()
        s3_env.client().put_object(Bucket=bucket, Key="folder/", Body=b"")
        s3_env.client().put_object(Bucket=bucket, Key="folder/x", Body=b"1")
        assert [info.path for info in Storage(f"s3://{bucket}").list()] == ["folder/x"]


class TestLostAnswers:
    def test_whoever_waits_can_see_that_it_does_not_answer(self, proxy: Proxy, s3: S3Server) -> None:
        storage = Storage(f"s3://{s3.bucket()}/p")
        storage.write("x", b"x")
        seen: list[tuple[int, int]] = []

        def fault(request: str) -> Fault:
            asked = unanswered()
            seen.extend([(asked.attempt, asked.most)] if asked is not None else [])
            return "error 500" if len(proxy.requests) < 4 else "none"

        proxy.fault = fault
        assert storage.read("x") == b"x"
        assert seen == [(2, 5), (3, 5)]
        assert unanswered() is None

    def test_a_store_that_is_busy_is_asked_for_longer_than_botocore_asks(
        self, proxy: Proxy, s3: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pipeline.store.s3_store._LONGEST_PAUSE_S", 0.0)
        storage = Storage(f"s3://{s3.bucket()}/p", StorageOptions(retries=1))
        proxy.fault = lambda _: "slow down" if len(proxy.requests) % 8 else "none"
        storage.check_readable()
        assert storage.create("x", b"1")
        assert storage.read("x") == b"1"
        assert len(proxy.requests) == 24
        proxy.fault = lambda _: "slow down"
        with pytest.raises(StoreDownError, match="Expected a store that keeps up, got SlowDown"):
            storage.read("x")
        assert unanswered() is None

    def test_a_create_recognises_its_own_object(self, proxy: Proxy, s3: S3Server) -> None:
        storage = Storage(f"s3://{s3.bucket()}")
        proxy.fault = once("PUT", "lose answer")
        assert storage.create("lock", b"same")
        assert storage.read("lock") == b"same"
        assert proxy.count("PUT") == 2

    def test_a_create_does_not_take_an_equal_object_for_its_own(self, proxy: Proxy, s3: S3Server) -> None:
        storage = Storage(f"s3://{s3.bucket()}")
        assert storage.create("lock", b"same")
        proxy.fault = once("PUT", "lose answer")
        assert not storage.create("lock", b"same")

    def test_a_create_without_any_answer_looks_at_what_is_there(self, proxy: Proxy, s3: S3Server) -> None:
        storage = Storage(f"s3://{s3.bucket()}", StorageOptions(retries=1))
        proxy.fault = lambda request: "lose answer" if request.startswith("PUT") else "none"
        assert storage.create("lock", b"mine")
        with pytest.raises(StoreDownError, match="Expected an answer from"):
            storage.create("lock", b"yours")
        assert storage.read("lock") == b"mine"

    def test_a_broken_body_is_read_again(self, proxy: Proxy, s3: S3Server) -> None:
        storage = Storage(f"s3://{s3.bucket()}")
        storage.write("x", bytes(1000))
        proxy.fault = once("GET", "break body")
        assert storage.read("x") == bytes(1000)
        assert proxy.count("GET") == 2

    def test_an_object_that_is_never_given_back_is_alone_in_that_while_the_store_answers(
        self, proxy: Proxy, s3: S3Server
    ) -> None:
        storage = Storage(f"s3://{s3.bucket()}", StorageOptions(retries=2))
        storage.write("x", bytes(1000))
        faults: list[Fault] = ["break body", "error 500"]
        proxy.fault = lambda request: faults[0] if "/x" in request else "none"
        while faults:
            proxy.requests.clear()
            with pytest.raises(UnreadableError, match=r"got (HTTPClientError|ClientPayloadError|500)"):
                storage.read("x")
            assert sum("/x" in request for request in proxy.requests) == 2
            del faults[0]
        proxy.fault = lambda request: "break body" if request.startswith("GET") else "none"
        with pytest.raises(StoreDownError, match="Expected an answer from"):
            storage.read("x")

    def test_a_listing_that_breaks_in_the_middle(
        self, proxy: Proxy, s3: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket = s3.bucket()
        for number in range(3):
            s3.client().put_object(Bucket=bucket, Key=f"{number}", Body=b"")
        proxy.fault = lambda request: "error 500" if "continuation-token" in request else "none"
        storage = Storage(f"s3://{bucket}", StorageOptions(retries=1))
        monkeypatch.setattr("pipeline.store.s3_store._PAGE", 2)
        listing = storage.list()
        assert [next(listing).path, next(listing).path] == ["0", "1"]
        with pytest.raises(StoreDownError, match="HTTP 500"):
            next(listing)

    def test_a_store_that_ignores_conditions_is_refused(
        self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forget_conditions(monkeypatch)
        storage = Storage(f"s3://{s3_env.bucket()}")
        with pytest.raises(
            StorageError, match="honours If-None-Match, got two successful create-only writes"
        ):
            storage.check_writable()
        assert list(storage.list()) == []


class TestWrongUsage:
    @pytest.mark.parametrize(
        ("variable", "message"),
        [
            ("AWS_SECRET_ACCESS_KEY", "credentials the store accepts, got SignatureDoesNotMatch"),
            ("AWS_ACCESS_KEY_ID", "credentials the store knows, got InvalidAccessKeyId"),
        ],
    )
    def test_wrong_credentials(
        self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch, variable: str, message: str
    ) -> None:
        bucket = s3_env.bucket()
        monkeypatch.setenv(variable, "WRONGWRONGWRONG")
        for check in (Storage(f"s3://{bucket}").check_readable, Storage(f"s3://{bucket}").check_writable):
            with pytest.raises(StoreDownError, match=f"{message}.*; check AWS_ACCESS_KEY_ID") as caught:
                check()
            assert_no_secret(caught.value, "WRONGWRONGWRONG", s3_env.secret_key)

    @pytest.mark.parametrize(
        ("operation", "arguments"),
        [
            ("check_readable", ()),
            ("check_writable", ()),
            ("read", ("x",)),
            ("write", ("x", b"")),
            ("create", ("x", b"")),
        ],
    )
    def test_no_such_bucket(
        self, s3_env: S3Server, operation: str, arguments: tuple[str | bytes, ...]
    ) -> None:
        with pytest.raises(
            StorageError, match=r"Expected a bucket, got NoSuchBucket .* at s3://no-such-bucket"
        ):
            getattr(Storage("s3://no-such-bucket/x"), operation)(*arguments)

    def test_no_credentials_at_all(self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        storage = Storage("s3://bucket/x")
        with pytest.raises(StoreDownError, match="Expected AWS credentials, got none, or half of them"):
            storage.check_readable()
        with pytest.raises(StoreDownError, match="Expected AWS credentials"):
            delta_options(storage)

    def test_anonymous_access_is_refused_by_a_private_store(
        self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        storage = Storage(f"s3://{s3_env.bucket()}", StorageOptions(anonymous=True))
        with pytest.raises(StorageError, match="Expected access, got AccessDenied"):
            storage.check_readable()
        assert delta_options(storage)["AWS_SKIP_SIGNATURE"] == "true"

    def test_an_unknown_profile(self, s3_env: S3Server) -> None:
        storage = Storage("s3://bucket/x", StorageOptions(profile="nobody"))
        with pytest.raises(StorageError, match=r"Expected a profile .*nobody.*; check AWS_PROFILE"):
            storage.check_readable()

    def test_a_store_that_is_down_fails_in_seconds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYKEYKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRETSECRET")
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        started = time.monotonic()
        message = (
            "Expected an answer from http://127.0.0.1:9, got .* at s3://bucket/x/; check AWS_ENDPOINT_URL"
        )
        with pytest.raises(StoreDownError, match=message) as caught:
            Storage("s3://bucket/x").check_readable()
        assert time.monotonic() - started < 30, "botocore itself tries for minutes"
        assert_no_secret(caught.value, "KEYKEYKEY", "SECRETSECRET")


class TestProcesses:
    def test_pickles_and_reprs_hold_no_secret(self, s3_env: S3Server) -> None:
        storage = Storage(f"s3://{s3_env.bucket()}")
        storage.check_readable()
        for text in (repr(storage), repr(storage.options), str(pickle.dumps(storage))):
            assert s3_env.secret_key not in text
            assert s3_env.access_key not in text

    def test_a_fork_makes_its_own_connections(self, s3_env: S3Server) -> None:
        storage = Storage(f"s3://{s3_env.bucket()}")
        storage.write("x", b"1")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: forking a process with threads
            child = os.fork()
        if child == 0:
            ok = False
            try:
                ok = storage.read("x") == b"1"
            finally:
                os._exit(0 if ok else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert storage.read("x") == b"1"


class TestDelta:
    def test_a_table_is_written_and_read(self, s3_env: S3Server) -> None:
        storage = Storage(f"s3://{s3_env.bucket()}/arch ive")
        url, options = f"{delta_url(storage)}/catalogue", delta_options(storage)
        deltalake.write_deltalake(url, pa.table({"a": [1, 2]}), storage_options=options)
        deltalake.write_deltalake(url, pa.table({"a": [3]}), storage_options=options, mode="append")
        assert deltalake.DeltaTable(url, storage_options=options).version() == 1
        assert any(info.path.startswith("catalogue/_delta_log/") for info in storage.list())

    def test_credentials_come_from_a_profile(
        self, s3_env: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        bucket = s3_env.bucket()
        for name in s3_env.environment():
            monkeypatch.delenv(name)
        (tmp_path / "credentials").write_text(
            f"[lab]\naws_access_key_id={s3_env.access_key}\naws_secret_access_key={s3_env.secret_key}\n"
        )
        (tmp_path / "config").write_text(
            f"[profile lab]\nregion=eu-west-3\nendpoint_url={s3_env.endpoint}\ns3 =\n  addressing_style = path\n"
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        storage = Storage(f"s3://{bucket}", StorageOptions(profile="lab"))
        storage.check_writable()
        options = delta_options(storage)
        assert options["AWS_ACCESS_KEY_ID"] == s3_env.access_key
        assert options["AWS_ENDPOINT_URL"] == s3_env.endpoint
        assert options["AWS_REGION"] == "eu-west-3"
        assert options["AWS_ALLOW_HTTP"] == "true"
        assert options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == "false"

    @pytest.mark.parametrize(
        ("style", "endpoint", "virtual"),
        [
            ("auto", "https://s3.lab:9000", "false"),
            ("path", "https://s3.lab:9000", "false"),
            ("virtual", "https://bucket.s3.lab:9000", "true"),
        ],
    )
    def test_addressing_styles(
        self,
        monkeypatch: pytest.MonkeyPatch,
        style: Literal["auto", "path", "virtual"],
        endpoint: str,
        virtual: str,
    ) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYKEYKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRETSECRET")
        given = StorageOptions(endpoint_url="https://s3.lab:9000", addressing_style=style)
        options = delta_options(Storage("s3://bucket/x", given))
        assert options["AWS_ENDPOINT_URL"] == endpoint
        assert options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == virtual
        assert options["AWS_ALLOW_HTTP"] == "false"
        assert options["AWS_REGION"] == "us-east-1"

    def test_aws_itself_needs_no_endpoint(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "KEYKEYKEY")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRETSECRET")
        monkeypatch.setenv("AWS_SESSION_TOKEN", "TOKENTOKEN")
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        options = delta_options(Storage("s3://bucket/x"))
        assert "AWS_ENDPOINT_URL" not in options
        assert options["AWS_SESSION_TOKEN"] == "TOKENTOKEN"
        assert options["AWS_REGION"] == "eu-west-1"
        assert options["AWS_VIRTUAL_HOSTED_STYLE_REQUEST"] == "true"
