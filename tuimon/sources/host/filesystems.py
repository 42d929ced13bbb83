"""File systems: size, room and inodes. A mount that hangs costs its own row only."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass

from tuimon.drivers.host import Deadline
from tuimon.drivers.kernelfs import Tree, reason_of
from tuimon.errors import Reason
from tuimon.model.entity import NOBODY, Entities, Entity
from tuimon.model.frame import Frame
from tuimon.model.metric import Cadence, Kind, Label, Metric, Type
from tuimon.sources.host.part import Cell, Findings, catalogues, identity, lost, parsed
from tuimon.text import safe
from tuimon.units import Unit

FILESYSTEM = Kind.FILESYSTEM
GAUGE = Type.GAUGE
BYTES, COUNT = Unit.BYTES, Unit.COUNT
SLOW = Cadence.SLOW
SIZE = "filesystem_size_bytes"

# A row: a metric, and what it is of the answer of statvfs(3).
# fmt: off
TABLE: tuple[tuple[Metric, Callable[[os.statvfs_result], float]], ...] = (
    (Metric(SIZE,                         FILESYSTEM, BYTES, GAUGE, "Size",      "Size of the file system.",                                          SLOW, source="statvfs"), lambda s: s.f_blocks * s.f_frsize),
    (Metric("filesystem_used_bytes",      FILESYSTEM, BYTES, GAUGE, "Used",      "Bytes in use.",                                                     SLOW, SIZE, source="statvfs"), lambda s: (s.f_blocks - s.f_bfree) * s.f_frsize),
    (Metric("filesystem_available_bytes", FILESYSTEM, BYTES, GAUGE, "Available", "Bytes that others than root may still write.",                      SLOW, SIZE, source="statvfs"), lambda s: s.f_bavail * s.f_frsize),
    (Metric("filesystem_inodes",          FILESYSTEM, COUNT, GAUGE, "Inodes",    "Files there can be; some file systems set no such limit.",          SLOW, source="statvfs"), lambda s: s.f_files or float("nan")),
    (Metric("filesystem_inodes_used",     FILESYSTEM, COUNT, GAUGE, "Files",     "Files there are.",                                                  SLOW, "filesystem_inodes", source="statvfs"), lambda s: s.f_files - s.f_ffree if s.f_files else float("nan")),
    (Metric("filesystem_read_only",       FILESYSTEM, Unit.STATE, GAUGE, "Mode", "Whether it may be written; the kernel turns to read-only at errors.", SLOW, words=((0, "read-write"), (1, "read-only")), source="statvfs"), lambda s: bool(s.f_flag & os.ST_RDONLY)),
)

LABELS = (
    Label("type",    FILESYSTEM, "ext4, xfs, nfs4, tmpfs and so on."),
    Label("mount",   FILESYSTEM, "Where it is mounted."),
    Label("device",  FILESYSTEM, "What is mounted.", secret=True),
    Label("options", FILESYSTEM, "Options of the mount."),
)
# fmt: on

METRICS = tuple(row[0] for row in TABLE)
PSEUDO = frozenset(
    [
        "autofs",
        "binder",
        "binfmt_misc",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "erofs",
        "fuse.gvfsd-fuse",
        "fuse.lxcfs",
        "fuse.portal",
        "fuse.snapfuse",
        "fusectl",
        "hugetlbfs",
        "iso9660",
        "mqueue",
        "nsfs",
        "proc",
        "pstore",
        "ramfs",
        "rootfs",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "smackfs",
        "squashfs",
        "sysfs",
        "tracefs",
    ]
)
"""File systems that hold nothing of their own, or images that are always full."""
REMOTE = (
    "nfs",
    "cifs",
    "smb",
    "ceph",
    "lustre",
    "gpfs",
    "beegfs",
    "glusterfs",
    "afs",
    "9p",
    "fuse.",
    "virtiofs",
    "weka",
    "wekafs",
    "pvfs",
    "orangefs",
)
"""How the types begin that ask somebody else, and may wait for the answer for ever."""
_SHOWN_TMPFS = ("/dev/shm", "/tmp", "/var/tmp")  # noqa: S108 -- only looked at
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo, unescaped."""

    device: str
    """Major and minor number."""
    point: str
    options: str
    type: str
    source: str

    @property
    def is_remote(self) -> bool:
        """Whether asking it may take for ever."""
        return self.type.startswith(REMOTE)


def mountinfo(text: bytes) -> list[Mount]:
    """Return the mounts of proc_pid_mountinfo(5) in their order; a broken line is left out."""
    found: list[Mount] = []
    for line in text.decode("utf-8", "surrogateescape").splitlines():
        left, _, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if len(before) >= 6 and len(after) >= 2:
            point, source = _unescaped(before[4]), _unescaped(after[1])
            found.append(Mount(before[2], point, before[5], after[0], source))
    if not found:
        raise ValueError(text[:40])
    return found


def chosen(mounts: list[Mount]) -> list[Mount]:
    """Return the mounts worth a row: one for each file system, in the order of their paths.

    Of several mounts of one file system, bind mounts mostly, the one with the shortest path stands;
    what is mounted over is left out.
    """
    visible = {mount.point: mount for mount in mounts}
    kept: dict[str, Mount] = {}
    for mount in sorted(visible.values(), key=lambda m: (len(m.point), m.point)):
        if mount.type in PSEUDO or (mount.type == "tmpfs" and mount.point not in _SHOWN_TMPFS):
            continue
        # Subvolumes of btrfs have numbers of their own but share the room.
        same = mount.source if mount.type == "btrfs" else mount.device
        kept.setdefault(same, mount)
    return sorted(kept.values(), key=lambda m: m.point)


def _unescaped(word: str) -> str:
    """Return a path in which the kernel wrote space, tab, newline and backslash in octal."""
    if "\\" not in word:
        return word
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, char)
    return word


class Filesystems:
    """What is mounted, asked with statvfs."""

    metrics = METRICS

    def __init__(
        self, tree: Tree, statvfs: Callable[[str], os.statvfs_result] = os.statvfs
    ) -> None:
        self._tree = tree
        self._statvfs = statvfs
        self._deadline = Deadline[os.statvfs_result | Reason](_PATIENCE)
        self._catalogue = catalogues(FILESYSTEM, METRICS)[SLOW]
        self._mounts: list[Mount] = []
        self._entities = NOBODY

    def read(self, cadence: Cadence, found: Findings) -> None:
        """See `Part.read`."""
        if cadence is not SLOW:
            return
        mounts = parsed(self._tree.read, "proc/self/mountinfo", mountinfo)
        if isinstance(mounts, Reason):
            found.frames.append(lost(self._catalogue, self._entities, mounts, found.at))
            return
        self._describe(chosen(mounts))
        remote = self._deadline.ask(self._ask, [m.point for m in self._mounts if m.is_remote])
        columns = [
            _cells(remote[m.point] if m.is_remote else self._ask(m.point)) for m in self._mounts
        ]
        found.frames.append(Frame.of_cells(self._catalogue, self._entities, columns, found.at))

    def rescan(self) -> None:
        """See `Part.rescan`."""

    def _ask(self, point: str) -> os.statvfs_result | Reason:
        try:
            return self._statvfs(self._tree.root + point.lstrip("/"))
        except OSError as error:
            return reason_of(error)

    def _describe(self, mounts: list[Mount]) -> None:
        if mounts == self._mounts:
            return
        self._mounts = mounts
        self._entities = Entities(_entity(index, mount) for index, mount in enumerate(mounts))


def _entity(index: int, mount: Mount) -> Entity:
    labels = {
        "type": safe(mount.type),
        "mount": safe(mount.point),
        "device": safe(mount.source),
        "options": safe(mount.options),
    }
    return Entity(identity(mount.point), safe(mount.point), index, labels)


def _cells(answer: os.statvfs_result | Reason) -> list[Cell]:
    if isinstance(answer, Reason):
        return [answer] * len(TABLE)
    cells: list[Cell] = []
    for _, value in TABLE:
        number = float(value(answer))
        cells.append(Reason.NOT_SUPPORTED if math.isnan(number) else number)
    return cells
