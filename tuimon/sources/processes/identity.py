"""Who a process is: its name, command line, user, container, pod and job, as safe text."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from tuimon.text import safe

COMMAND_SIZE = 4096
"""Bytes of a command line that are kept."""
CGROUP_SIZE = 8192
ENVIRON_SIZE = 65536
COMM_SIZE = 15
"""A longer name is cut by the kernel: TASK_COMM_LEN - 1."""

# fmt: off
# Variables of a process's environment that say what it belongs to, the first that is there counts.
# More names for a label: one in its row. A new label: a row here and one in table.py.
VARIABLES: tuple[tuple[str, tuple[bytes, ...]], ...] = (
    ("job",     (b"SLURM_JOB_ID", b"SLURM_JOBID", b"PBS_JOBID", b"LSB_JOBID")),
    ("rank",    (b"RANK", b"OMPI_COMM_WORLD_RANK", b"PMIX_RANK", b"PMI_RANK", b"SLURM_PROCID")),
    ("devices", (b"CUDA_VISIBLE_DEVICES",)),
)

# Where container runtimes and schedulers leave their marks in the path of a control group.
_CONTAINER = re.compile(r"(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?(?=/|$)")          # docker, podman, containerd, CRI-O
_NAMED     = re.compile(r"/(?:lxc\.payload\.|lxc/|machine-)([^/]+?)(?:\.scope)?(?=/|$)")  # LXC, systemd-nspawn
_POD       = re.compile(r"[/-]pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})(?=[./]|$)")
_JOB       = re.compile(r"slurm.*?/job_(\d+)(?=/|$)")                             # cgroup v1 and v2
_UNIT      = re.compile(r"([^/]+\.(?:service|scope))(?=/|$)")
_KWORKER   = re.compile(rb"(kworker/u?\d+:\d+H?)[-+]")                                # then its work of the moment
# fmt: on


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process runs, by the path of its control group; "" is nowhere special."""

    cgroup: str = ""
    container: str = ""
    pod: str = ""
    job: str = ""
    unit: str = ""


@lru_cache(maxsize=4096)
def place(cgroup: bytes) -> Place:
    """Return what `/proc/PID/cgroup` says; many processes share one text."""
    paths = [line.split(b":", 2)[2] for line in cgroup.splitlines() if line.count(b":") >= 2]
    unified = [line[3:] for line in cgroup.splitlines() if line.startswith(b"0::")]
    path = safe(unified[0] if unified and unified[0] != b"/" else max(paths, key=len, default=b""))
    if not path.strip("/"):
        return Place()
    container = _CONTAINER.search(path)
    named = _NAMED.search(path)
    pod = _POD.search(path)
    job = _JOB.search(path)
    units: list[str] = _UNIT.findall(path)
    return Place(
        cgroup=path,
        container=container[1][:12] if container else named[1] if named else "",
        pod=pod[1].replace("_", "-") if pod else "",
        job=job[1] if job else "",
        unit=units[-1] if units else "",
    )


def command_line(cmdline: bytes) -> str:
    """Return the arguments of `/proc/PID/cmdline` joined by spaces; "" of zombies and the kernel's."""
    return safe(cmdline.rstrip(b"\0 ").replace(b"\0", b" "))


def kernel_name(comm: bytes) -> bytes:
    """Return the name of a thread of the kernel without a worker's work of the moment."""
    worker = _KWORKER.match(comm)
    return worker[1] if worker else comm


def short_name(comm: bytes, cmdline: bytes) -> str:
    """Return what people call a process: a name that the kernel has cut is made whole."""
    if len(comm) == COMM_SIZE:
        program = cmdline.split(b"\0", 1)[0].rsplit(b"/", 1)[-1]
        if program.startswith(comm) and b" " not in program:
            return safe(program)
    return safe(comm)


def surroundings(cgroup: bytes, environ: bytes) -> dict[str, str]:
    """Return the labels that control group and environment give; those without a text are left out."""
    where = place(cgroup)
    environ = environ and b"\0" + environ
    labels = {label: _first(environ, names) for label, names in VARIABLES} if environ else {}
    labels["job"] = where.job or labels.get("job", "")
    labels["container"] = where.container
    labels["pod"] = where.pod and (_pod_name(environ) or where.pod)
    labels["unit"] = where.unit
    labels["cgroup"] = where.cgroup
    return {label: text for label, text in labels.items() if text}


def _first(environ: bytes, names: tuple[bytes, ...]) -> str:
    for name in names:
        text = _variable(environ, name)
        if text:
            return text
    return ""


def _variable(environ: bytes, name: bytes) -> str:
    """Return the first 256 bytes of one variable; "" if it is not set. *environ* begins with a NUL."""
    _, _, rest = environ.partition(b"\0%b=" % name)
    return safe(rest[:256].split(b"\0", 1)[0])


def _pod_name(environ: bytes) -> str:
    """Return the name Kubernetes gave to the pod's host; a process may have changed it."""
    inside = b"\0KUBERNETES_SERVICE_HOST=" in environ
    return _variable(environ, b"HOSTNAME") if inside else ""


class Users:
    """Names of users, looked up by a thread of their own: a directory service may take its time.

    All else is called by one thread. A pass waits for names only until the first one is late.
    """

    def __init__(self, lookup: Callable[[int], str], patience: float = 0.05) -> None:
        """Look names up by *lookup*, which raises KeyError or OSError for nobody; wait for *patience* seconds."""
        self._lookup = lookup
        self._patience = patience
        self._names: dict[int, str] = {}
        self._asked: set[int] = set()
        self._questions: SimpleQueue[int | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, str]] = SimpleQueue()
        self._thread: Thread | None = None

    def name(self, uid: int) -> str:
        """Return the name of a user, the number while it is not known."""
        return self._names.get(uid, str(uid))

    def ask(self, uids: set[int]) -> None:
        """Have the names of *uids* looked up, if they were not before, and wait a little for them."""
        new = uids - self._asked
        if not new:
            return
        if self._thread is None:
            self._thread = Thread(target=self._run, name="tuimon users", daemon=True)
            self._thread.start()
        self._asked |= new
        for uid in new:
            self._questions.put(uid)
        until = monotonic() + self._patience
        while self._patience and not new <= self._names.keys():
            try:
                self._take(*self._answers.get(timeout=max(0.0, until - monotonic())))
            except Empty:
                self._patience = 0.0

    def arrived(self) -> set[int]:
        """Return the users whose names came in since they were asked for."""
        fresh = set()
        while not self._answers.empty():
            uid, name = self._answers.get()
            self._take(uid, name)
            fresh.add(uid)
        return fresh

    def close(self) -> None:
        """Let the thread end after the lookup it is in."""
        self._questions.put(None)

    def _take(self, uid: int, name: str) -> None:
        self._names[uid] = name

    def _run(self) -> None:
        while (uid := self._questions.get()) is not None:
            try:
                name = safe(self._lookup(uid))
            except (KeyError, OSError):
                name = ""
            self._answers.put((uid, name or str(uid)))
