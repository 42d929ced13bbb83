import errno
import os
from pathlib import Path

import pytest

from tuimon.drivers import kernelfs
from tuimon.drivers.kernelfs import Tree
from tuimon.errors import ReadError, Reason


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path)
    yield tree
    tree.close()


def reason(call, *args):
    with pytest.raises(ReadError) as caught:
        call(*args)
    return caught.value.reason


def test_a_kept_file_is_read_from_its_start_each_time(tree, tmp_path):
    (tmp_path / "stat").write_text("one")
    assert tree.read("stat") == b"one"
    (tmp_path / "stat").write_text("two, longer")
    assert tree.read("stat") == b"two, longer"


def test_a_file_longer_than_a_chunk_comes_whole(tree, tmp_path, monkeypatch):
    monkeypatch.setattr(kernelfs, "CHUNK", 8)
    text = bytes(range(100))
    (tmp_path / "long").write_bytes(text)
    assert tree.read("long") == text
    assert tree.once("long") == text


def test_a_file_that_is_handed_out_in_pieces_comes_whole(tree, tmp_path, monkeypatch):
    (tmp_path / "seq").write_bytes(b"0123456789")
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, size, at: real(fd, min(size, 3), at))
    assert tree.read("seq") == b"0123456789"


def test_a_kept_file_is_opened_once(tree, tmp_path, monkeypatch):
    (tmp_path / "stat").write_text("one")
    opened = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda *args: opened.append(args) or real(*args))
    for _ in range(3):
        tree.read("stat")
    assert len(opened) == 1


def test_a_descriptor_that_fails_is_opened_again(tree, tmp_path, monkeypatch):
    (tmp_path / "stat").write_text("one")
    tree.read("stat")
    stale = tree._kept["stat"]
    real = os.pread

    def pread(descriptor, size, at):
        if descriptor == stale:
            monkeypatch.setattr(os, "pread", real)
            raise OSError(errno.ENODEV, "gone")
        return real(descriptor, size, at)

    monkeypatch.setattr(os, "pread", pread)
    assert tree.read("stat") == b"one"


def test_a_missing_file_is_remembered_until_it_may_be_forgotten(tree, tmp_path):
    assert reason(tree.read, "late") is Reason.NOT_SUPPORTED
    (tmp_path / "late").write_text("here")
    assert reason(tree.read, "late") is Reason.NOT_SUPPORTED
    tree.forget()
    assert tree.read("late") == b"here"


def test_a_file_that_failed_otherwise_is_asked_again(tree, tmp_path, monkeypatch):
    (tmp_path / "stat").write_text("one")

    def broken(*_):
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", broken)
        assert reason(tree.read, "stat") is Reason.FAILED
    assert tree.read("stat") == b"one"
    assert len(tree._kept) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOENT, Reason.NOT_SUPPORTED),
        (errno.EOPNOTSUPP, Reason.NOT_SUPPORTED),
        (errno.EACCES, Reason.NO_PERMISSION),
        (errno.EPERM, Reason.NO_PERMISSION),
        (errno.ENODEV, Reason.DEVICE_LOST),
        (errno.ETIMEDOUT, Reason.TIMEOUT),
        (errno.EINVAL, Reason.FAILED),
    ],
)
def test_an_error_of_the_kernel_becomes_a_reason(tree, monkeypatch, code, expected):
    def refuse(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "open", refuse)
    assert reason(tree.read, "any") is expected
    assert reason(tree.once, "any") is expected


def test_closing_gives_every_descriptor_back(tmp_path):
    tree = Tree(tmp_path)
    (tmp_path / "a").write_text("a")
    tree.read("a")
    descriptor = tree._kept["a"]
    tree.close()
    with pytest.raises(OSError, match="descriptor"):
        os.fstat(descriptor)


def test_reading_once_leaves_nothing_open(tree, tmp_path):
    (tmp_path / "a").write_text("a")
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert tree.once("a") == b"a"
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_folder_in_the_place_of_a_file_is_a_failure_and_not_a_crash(tree, tmp_path):
    (tmp_path / "stat").mkdir()
    assert reason(tree.read, "stat") is Reason.FAILED
    assert reason(tree.once, "stat") is Reason.FAILED


def test_names_are_sorted_and_a_missing_folder_has_a_reason(tree, tmp_path):
    for name in "cab":
        (tmp_path / name).touch()
    assert tree.names("") == ["a", "b", "c"]
    assert reason(tree.names, "nowhere") is Reason.NOT_SUPPORTED


def test_the_target_of_a_link_is_its_last_part(tree, tmp_path):
    (tmp_path / "link").symlink_to("../../devices/pci0000:00/0000:3b:00.0")
    assert tree.target("link") == "0000:3b:00.0"
    assert tree.target("nothing") == ""
