"""A prune killed anywhere, and anything in any order, leaves a sound archive."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from pipeline.archive.catalogue import Catalogue
from pipeline.archive.layout import LAST_CHECKPOINT
from pipeline.archive.lease import Lease
from pipeline.archive.seals import read_seals
from pipeline.errors import LockedError
from pipeline.store.storage import Storage
from pipeline.verify.run import VerifyRun
from tests.support.long_run import IS_LONG, few_of
from tests.support.moments import moments_of
from tests.support.prune_steps import (
    HERE,
    age_marks,
    check_sound,
    commit,
    content_of,
    many_things,
    new_archive,
    prune,
    publish_only,
    shards_of,
    tree,
)


class Killed(BaseException):
    """As SIGKILL between two requests."""


def killed_at(storage: Storage, number: int, monkeypatch: pytest.MonkeyPatch, keep: int | None = 3) -> bool:
    """Prune until the n-th change of the store; whether it came so far."""
    counter = itertools.count()

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def do(self: Storage, path: str, *data: bytes) -> object:
            if not path.startswith("locks/") and next(counter) >= number:
                raise Killed
            return change(self, path, *data)

        return do

    with monkeypatch.context() as patch:
        for name in ("delete", "write", "create"):
            patch.setattr(Storage, name, counted(getattr(Storage, name)))
        try:
            prune(storage, keep)
        except Killed:
            return True
    return False


class TestKilled:
    def test_anywhere(self, tmp_path: Path) -> None:
        """Killed at a change, then run again: all versions that history lists can be read throughout."""
        made = new_archive(tmp_path / "made")
        many_things(made, runs=7)
        before = {version: content_of(made, version) for version in range(8)}
        moments = moments_of(lambda: prune(made, 3), tmp_path / "made", tmp_path)
        whole = set(tree(made.url, without=["locks", "seals"]))
        sealed = read_seals(made).files
        assert len(moments) > 20
        for number, moment in few_of(moments, 7):
            storage = Storage(moment)
            check_sound(storage)
            catalogue = Catalogue(storage)
            assert catalogue.version() == 7
            for version in catalogue.versions():
                if version.version >= 5 or number % 5 == 0:
                    assert content_of(storage, version.version) == before[version.version], number
            commit(storage, "run-next", {"n": "1"})
            prune(storage, 4)
            check_sound(storage)
            assert [version.version for version in catalogue.versions()] == [7, 6, 5]
            assert whole <= tree(storage.url).keys(), "nothing went that an undisturbed prune leaves"
            left = tree(storage.url, without=["locks", "seals"]).keys() - whole
            assert {path.split("/")[0] for path in left} <= {"catalogue", "shards"}
            assert len(left) == 3, f"only what the new commit added: {left}"
            assert read_seals(storage).files.keys() >= sealed.keys() - {LAST_CHECKPOINT}

    def test_the_lease_lost_to_another(self, much_due: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        before = shards_of(much_due)
        monkeypatch.setattr(Lease, "is_lost", True)
        with pytest.raises(LockedError, match="Expected to hold the lease"):
            prune(much_due, 3)
        assert shards_of(much_due) == before
        check_sound(much_due)


class TestAnyOrder:
    @pytest.mark.parametrize("seed", range(50 if IS_LONG else 2))
    def test_against_what_every_version_held(
        self, archive: Storage, seed: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Runs, killed runs, time, prunes with any rule, some killed: what history lists shows what it showed."""
        chance = random.Random(seed)
        held: dict[int, dict[str, str]] = {0: {}}
        kept_from = 0
        for step in range(40):
            newest = max(held)
            match chance.choice(
                ["run", "run", "run", "orphan", "age", "prune", "prune", "killed", "restore"]
            ):
                case "run":
                    new = {f"k{chance.randrange(6)}": f"{step}" for _ in range(chance.randrange(1, 4))}
                    commit(archive, f"run-{step}", new, do_seal=chance.random() < 0.7)
                    held[newest + 1] = held[newest] | new
                case "orphan":
                    publish_only(archive, f"run-{step}", {"never": "committed"})
                case "age":
                    age_marks(archive, timedelta(days=chance.randrange(1, 9)))
                case "restore":  # what another tool may do
                    older = [version.version for version in Catalogue(archive).versions()[1:]]
                    if older:
                        old = chance.choice(older)
                        DeltaTable(f"{archive.url}/catalogue").restore(old)
                        held[newest + 1] = held[old]
                case what:
                    keep = chance.choice([None, 1, 2, 3, 5])
                    if what == "killed":
                        killed_at(archive, chance.randrange(40), monkeypatch, keep)
                    else:
                        prune(archive, keep)
                    kept_from = max(kept_from, 0 if keep is None else newest - keep + 1)
            if step % 4 == 0:
                self.check(archive, held, kept_from)
        prune(archive, 1)
        age_marks(archive)
        prune(archive, 1)
        self.check(archive, held, max(held))
        needed = Catalogue(archive).table(["shard"])["shard"].to_pylist()
        assert shards_of(archive) == set(needed)
        assert {path for path in tree(f"{archive.url}/catalogue") if path.startswith("part-")} == {
            path.removeprefix("catalogue/") for path in Catalogue(archive).files()
        }

    def check(self, archive: Storage, held: dict[int, dict[str, str]], kept_from: int) -> None:
        seen = VerifyRun(archive, HERE).run()
        assert seen.sound, seen.problems
        listed = [version.version for version in Catalogue(archive).versions()]
        assert listed == list(range(max(held), listed[-1] - 1, -1))
        assert listed[-1] <= kept_from
        for version in listed:
            assert content_of(archive, version) == held[version]
