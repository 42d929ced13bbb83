import os
import threading
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tuimon.drivers.host import Deadline
from tuimon.errors import Reason
from tuimon.model.metric import Cadence
from tuimon.sources.host import HostSource
from tuimon.sources.host.filesystems import Filesystems, chosen, mountinfo

SLOW = Cadence.SLOW
MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
24 22 0:25 / /dev/shm rw - tmpfs tmpfs rw
25 22 0:26 / /run/user/1000 rw - tmpfs tmpfs rw
26 22 8:1 /var/lib/docker /srv/bind rw - ext4 /dev/sda1 rw
27 22 8:17 / /my\040data ro - xfs /dev/sdb1 ro
28 22 0:50 / /mnt/nfs rw - nfs4 server:/export rw
29 22 0:51 /@home /home rw - btrfs /dev/sdc1 rw
30 22 0:52 /@snap /home/.snap rw - btrfs /dev/sdc1 rw
31 22 7:3 / /snap/core/1 ro - squashfs /dev/loop3 ro
broken line
32 22 8:33 / /my\040data ro - xfs /dev/sdd1 ro
"""
ANSWER = SimpleNamespace(
    f_frsize=4096, f_blocks=1000, f_bfree=400, f_bavail=350, f_files=50, f_ffree=20, f_flag=0
)


@pytest.fixture
def mounts(fake):
    fake.write("proc/self/mountinfo", MOUNTS)
    return fake


def frame_of(fake, answer=lambda _: ANSWER):
    return fake.part(Filesystems(fake.tree, answer), SLOW).frames[0]


def test_one_row_stands_for_each_file_system_that_holds_files(mounts):
    frame = frame_of(mounts)
    points = "/ | /dev/shm | /home | /mnt/nfs | /my data"
    assert " | ".join(e.id for e in frame.entities) == points
    assert frame.entities.get("/my data").labels == {
        "type": "xfs",
        "mount": "/my data",
        "device": "/dev/sdd1",
        "options": "ro",
    }


def test_what_is_reserved_for_root_is_neither_used_nor_available(mounts):
    frame = frame_of(mounts)
    assert frame.value("filesystem_size_bytes", "/") == 1000 * 4096
    assert frame.value("filesystem_used_bytes", "/") == 600 * 4096
    assert frame.value("filesystem_available_bytes", "/") == 350 * 4096
    assert frame.value("filesystem_inodes_used", "/") == 30
    assert frame.value("filesystem_read_only", "/") == 0


def test_a_file_system_without_a_limit_of_files_has_none(mounts):
    answer = SimpleNamespace(**{**vars(ANSWER), "f_files": 0, "f_ffree": 0, "f_flag": os.ST_RDONLY})
    frame = frame_of(mounts, lambda _: answer)
    assert frame.reason("filesystem_inodes", "/") is Reason.NOT_SUPPORTED
    assert frame.value("filesystem_read_only", "/") == 1


def test_a_server_that_does_not_answer_costs_its_own_row(mounts):
    release = threading.Event()

    def statvfs(path):
        if path.endswith("/nfs"):
            release.wait(20)
        return ANSWER

    part = Filesystems(mounts.tree, statvfs)
    part._deadline = Deadline(0.05)
    try:
        frame = mounts.part(part, SLOW).frames[0]
    finally:
        release.set()
    assert frame.reason("filesystem_used_bytes", "/mnt/nfs") is Reason.TIMEOUT
    assert frame.value("filesystem_used_bytes", "/home") == 600 * 4096


def test_a_mount_that_may_not_be_asked_says_so(mounts):
    def statvfs(path):
        if path.endswith("/home"):
            raise PermissionError(13, "Permission denied")
        return ANSWER

    frame = frame_of(mounts, statvfs)
    assert frame.reason("filesystem_used_bytes", "/home") is Reason.NO_PERMISSION
    assert frame.value("filesystem_used_bytes", "/") > 0


def test_the_rows_are_the_same_object_while_no_mount_comes_or_goes(mounts):
    part = Filesystems(mounts.tree, lambda _: ANSWER)
    first = mounts.part(part, SLOW).frames[0].entities
    assert mounts.part(part, SLOW).frames[0].entities is first
    mounts.write("proc/self/mountinfo", MOUNTS.partition("24 22")[0])
    assert [e.id for e in mounts.part(part, SLOW).frames[0].entities] == ["/"]


def test_a_path_that_only_bytes_can_spell_is_asked_and_shown_safely(fake):
    line = b"27 22 8:17 / /data\xff\x1b rw - xfs /dev/sdb1 rw\n"
    fake.write("proc/self/mountinfo", line)
    asked = []
    frame = frame_of(fake, lambda path: asked.append(os.fsencode(path)) or ANSWER)
    assert asked == [os.fsencode(fake.root) + b"/data\xff\x1b"]
    assert (frame.entities[0].name, frame.entities[0].id) == ("/data··", "/data\\377\\033")


def test_paths_that_look_the_same_have_ids_of_their_own(fake):
    paths = (rb"/mm\134001", b"/mm\x01", b"/mm\x02", "/mm·".encode(), b"/m\xc3m")
    lines = [
        b"%d 22 8:%d / %b rw - xfs /dev/sdb1 rw\n" % (n, n, path) for n, path in enumerate(paths)
    ]
    fake.write("proc/self/mountinfo", b"".join(lines))
    found = frame_of(fake, lambda _: ANSWER).entities
    assert {one.id for one in found} == {
        "/mm\\134001",
        "/mm\\001",
        "/mm\\002",
        "/mm·",
        "/m\\303m",
    }


@pytest.mark.parametrize("text", ["", "garbage\n", "1 2 3 - \n"])
def test_garbage_gives_no_rows_and_no_exception(fake, text):
    fake.write("proc/self/mountinfo", text)
    assert len(frame_of(fake).entities) == 0


def test_psutil_sees_the_same_sizes_on_this_machine():
    reader = next(r for r in HostSource().open() if r.name == "host/filesystems")
    frame = reader.read(SLOW, None).frames[0]
    reader.close()
    theirs = psutil.disk_usage("/")
    assert frame.value("filesystem_size_bytes", "/") == theirs.total
    assert frame.value("filesystem_used_bytes", "/") == pytest.approx(theirs.used, abs=200e6)
    assert frame.value("filesystem_available_bytes", "/") == pytest.approx(theirs.free, abs=200e6)


def test_every_real_partition_of_psutil_is_there():
    text = Path("/proc/self/mountinfo").read_bytes()
    sources = {mount.source for mount in chosen(mountinfo(text))}
    devices = {p.device for p in psutil.disk_partitions() if p.fstype not in {"squashfs", "erofs"}}
    assert {d for d in devices if not d.startswith("/dev/loop")} <= sources
