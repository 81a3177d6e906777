"""Kept results: found by content, never damaged, never in the way."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundvis_core import cache as module
from soundvis_core.cache import ResultCache, content_key

PARTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=8,
)


def told_apart(part):
    """A form in which 1, 1.0 and True differ, as they do not in Python."""
    if isinstance(part, dict):
        return "dict", tuple(sorted((name, told_apart(value)) for name, value in part.items()))
    if isinstance(part, list):
        return "list", tuple(map(told_apart, part))
    return type(part).__name__, repr(part)


@given(PARTS, PARTS)
def test_keys_are_equal_where_the_parts_are(one, other):
    assert (content_key(one) == content_key(other)) == (told_apart(one) == told_apart(other))


def test_a_key_is_the_same_in_every_process_and_version():
    """Else an update would lose everything without a word."""
    assert content_key("a") == hashlib.sha256(b"str:1:a").hexdigest()
    assert content_key({"b": 1, "a": 2}) == content_key({"a": 2, "b": 1})
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key([1], [2]) != content_key([1, 2])
    assert content_key((1, 2)) == content_key([1, 2])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([["a"], "b"], [["a", "b"]]),
        ([["a"], "b"], ["a", ["b"]]),
        ([[], "a"], [["a"]]),
        ([[]], []),
        ([["a", []], "b"], [["a", [], "b"]]),
        ({"a": {"b": 1}, "c": 2}, {"a": {"b": 1, "c": 2}}),
        ({"a": {}, "b": 1}, {"a": {"b": 1}}),
        ({"a": 1, "b": 2}, ["a", 1, "b", 2]),
        ([{"a": 1}, {"b": 2}], [{"a": 1, "b": 2}]),
        (["list:1:1"], [["1"]]),
        (b"a", "a"),
        ("", None),
    ],
)
def test_what_is_inside_of_what_counts(one, other):
    assert content_key(one) != content_key(other)
    assert content_key("first", one) != content_key("first", other)


def test_arrays_differ_by_values_dtype_and_shape():
    base = np.arange(12, dtype=np.uint8).reshape(3, 4)
    others = [base.astype(np.int16), base.reshape(4, 3), base.ravel(), base + 1, base[:0]]
    keys = [content_key(array) for array in (base, *others)]
    assert len(set(keys)) == len(keys)
    assert content_key(np.asfortranarray(base)) == content_key(base) == content_key(base.copy())
    assert content_key(base[:, ::2]) == content_key(base[:, ::2].copy())
    assert content_key(np.float64(0.5)) == content_key(0.5)
    assert content_key({"image": base, "row": 3}) != content_key({"image": base, "row": 4})


@pytest.mark.parametrize("part", [object(), {1, 2}, np.array([object()]), {1: "a", "b": 2}])
def test_nothing_else_has_a_key(part):
    with pytest.raises(TypeError):
        content_key(part)


@pytest.fixture
def cache(tmp_path):
    return ResultCache(tmp_path / "results", 10_000)


def files(cache):
    return sorted(cache._folder.rglob("*.*"))


def test_what_is_put_is_got(cache):
    key = content_key("a")
    assert cache.get(key) is None
    for payload in (b"", b"numbers", bytes(range(256)) * 10):
        cache.put(key, payload)
        assert cache.get(key) == payload
    assert len(files(cache)) == 1 and not cache.problem
    assert ResultCache(cache._folder, 0).get(key) == bytes(range(256)) * 10  # another run


@pytest.mark.parametrize("how", ["cut", "flip", "empty", "longer", "another file"])
def test_a_damaged_entry_is_deleted_and_made_anew(cache, how):
    key = content_key("a")
    cache.put(key, b"0123456789")
    (path,) = files(cache)
    whole = path.read_bytes()
    damaged = {
        "cut": whole[: len(whole) // 2], "flip": whole[:-1] + bytes([whole[-1] ^ 1]), "empty": b"",
        "longer": whole + b"0", "another file": b"RIFF" + bytes(100),
    }  # fmt: skip
    path.write_bytes(damaged[how])
    assert cache.get(key) is None
    assert not path.exists()
    cache.put(key, b"0123456789")
    assert cache.get(key) == b"0123456789"


def test_pruning_deletes_what_was_not_used_for_longest(cache):
    keys = [content_key(number) for number in range(20)]
    for age, key in enumerate(keys):
        cache.put(key, bytes(1000))
        os.utime(cache._path(key), (time.time() - 1e5 + age,) * 2)
    assert cache.get(keys[0]) is not None  # now it is the last one that was used
    cache.prune()
    left = [key for key in keys if cache.get(key) is not None]
    assert keys[0] in left and keys[19] in left and keys[1] not in left
    assert sum(path.stat().st_size for path in files(cache)) <= 10_000
    assert left[1:] == keys[20 - len(left) + 1 :]


def test_pruning_takes_leftovers_and_nothing_else(cache):
    cache.put(content_key("a"), b"payload")
    folder = cache._folder / "ab"
    folder.mkdir()
    old, new, foreign = folder / "x-1.part", folder / "y-2.part", folder / "notes.txt"
    for path in (old, new, foreign):
        path.write_bytes(bytes(100_000))
    os.utime(old, (0, 0))
    os.utime(foreign, (0, 0))
    cache.prune()
    assert not old.exists() and new.exists() and foreign.exists()
    assert cache.get(content_key("a")) == b"payload"


def test_a_run_that_kept_nothing_new_does_not_look_through_the_folder(cache, monkeypatch):
    cache.put(content_key("a"), b"payload")
    cache.prune()
    monkeypatch.setattr(module.os, "walk", None)
    cache.prune()


@pytest.mark.parametrize(
    ("number", "step"),
    [
        (errno.ENOSPC, "write_bytes"),
        (errno.EROFS, "mkdir"),
        (errno.EACCES, "write_bytes"),
        (errno.EIO, "replace"),
    ],
)
def test_a_disk_that_takes_nothing_is_one_problem_and_no_error(cache, monkeypatch, number, step):
    tried = []

    def refuse(*_, **__):
        tried.append(1)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module.os if step == "replace" else module.Path, step, refuse)
    for name in "abc":
        assert not cache.put(content_key(name), b"payload")
    assert os.strerror(number) in cache.problem and str(cache._folder) in cache.problem
    assert len(tried) == 1
    assert files(cache) == []  # nothing half-written
    assert cache.get(content_key("a")) is None
    cache.prune()


class Locking:
    """``os.replace`` as on Windows while another program has the file open, the first ``times`` times."""

    def __init__(self, monkeypatch, times):
        self.left, self.tried, self._replace = times, 0, os.replace
        monkeypatch.setattr(module.os, "replace", self)
        monkeypatch.setattr(module.time, "sleep", lambda _: None)

    def __call__(self, *paths):
        self.tried += 1
        if self.left:
            self.left -= 1
            raise PermissionError(errno.EACCES, "The process cannot access the file")
        self._replace(*paths)


def test_a_file_that_is_locked_for_a_moment_is_kept(cache, monkeypatch):
    Locking(monkeypatch, 1)
    assert cache.put(content_key("a"), b"payload")
    assert cache.get(content_key("a")) == b"payload" and not cache.problem


def test_a_file_that_stays_locked_costs_its_own_entry_only(cache, monkeypatch):
    locking = Locking(monkeypatch, 2)
    assert not cache.put(content_key("a"), b"payload")
    assert locking.tried == 2 and cache.get(content_key("a")) is None
    assert cache.put(content_key("b"), b"payload") and not cache.problem
    assert len(files(cache)) == 1  # no unfinished file


def test_an_unfinished_file_that_cannot_be_deleted_is_left_to_a_later_run(cache, monkeypatch):
    Locking(monkeypatch, 2)
    monkeypatch.setattr(module.os, "unlink", Locking(monkeypatch, -1))
    assert not cache.put(content_key("a"), b"payload")
    assert not cache.problem and [path.suffix for path in files(cache)] == [".part"]


def test_an_entry_that_is_there_and_open_elsewhere_stays(cache, monkeypatch):
    cache.put(content_key("a"), b"payload")
    Locking(monkeypatch, -1)
    assert cache.put(content_key("a"), b"payload")
    assert cache.get(content_key("a")) == b"payload" and not cache.problem


def test_a_folder_in_which_nothing_can_be_renamed_is_a_problem_in_the_end(cache, monkeypatch):
    locking = Locking(monkeypatch, -1)
    for name in range(40):
        assert not cache.put(content_key(name), b"payload")
    assert "cannot access" in cache.problem
    assert locking.tried < 30


def test_a_file_in_the_place_of_the_folder(tmp_path):
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    cache = ResultCache(blocked, 1000)
    cache.put(content_key("a"), b"payload")
    assert cache.problem and cache.get(content_key("a")) is None
    cache.forget(content_key("a"))
    cache.prune()


def _use(folder, number):
    cache = ResultCache(folder, 50_000)
    for round_ in range(30):
        for name in range(20):
            key = content_key(name)
            payload = bytes([name]) * 5000
            found = cache.get(key)
            if found not in (None, payload):
                raise ValueError(f"process {number} got a damaged entry in round {round_}")
            cache.put(key, payload)
        cache.prune()
    if cache.problem:
        raise ValueError(cache.problem)


def test_several_processes_at_once(tmp_path):
    """They write and prune the same entries; none sees half of one."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_use, args=(tmp_path / "results", number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
