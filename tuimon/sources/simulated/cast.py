"""The processes of a simulated machine: a table of who is there, and who comes and goes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tuimon.model.entity import Entity
from tuimon.sources.simulated.forms import Form, total
from tuimon.sources.simulated.kinds import MIB
from tuimon.sources.simulated.loads import Role
from tuimon.sources.simulated.machine import UPTIME, WANDERING, Machine
from tuimon.sources.simulated.noise import chance
from tuimon.sources.simulated.occupants import Occupant

DAY = 86400.0
JOB = 35.0
"""Seconds for which the training job has been there when the simulated time begins."""
TICKS = 100
BOX = "9c1f4be0d2a7"
"""Container of the model server."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A row of the table: one process, or one for each `every`."""

    comm: str
    command: str
    """May name {rank}, {gpu}, {worker} and {count}."""
    user: str
    parent: str
    """The comm of its parent."""
    place: str
    """Key of `PLACES`; else the name of its systemd unit."""
    began: float
    """Seconds before the simulated time begins."""
    memory: float
    """MiB resident."""
    threads: int
    cpu: Form
    """CPUs it uses."""
    every: str = ""
    """Key of what `_times` returns; empty for a process that is there once."""
    nice: int = 0


@dataclass(frozen=True, slots=True)
class Visitor:
    """A row of the table of those that come and go."""

    comm: str
    command: str
    user: str
    every: float
    lasts: float
    after: float
    """Seconds from the start to the first."""
    memory: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Process:
    """One process of the machine."""

    pid: int
    parent: int
    began: float
    """In simulated time."""
    entity: Entity
    memory: float
    threads: int
    cpu: Form
    nice: int
    kernel: bool = False


def identify(pid: int, began: float) -> str:
    """Return the id of a process: its pid and its start in ticks since boot."""
    return f"{pid}-{int(max(UPTIME + began, 0.0) * TICKS)}"


def _little(cpus: float) -> Form:
    return total(one=cpus)


# fmt: off
PLACES: Mapping[str, Mapping[str, str]] = {
    "job":      {"job": "48213", "unit": "slurmstepd.scope", "cgroup": "/system.slice/slurmstepd.scope/job_48213/step_0/user/task_0"},
    "box":      {"container": BOX, "unit": f"docker-{BOX * 5}abcd.scope", "cgroup": f"/system.slice/docker-{BOX * 5}abcd.scope"},
    "alice":    {"unit": "session-31.scope", "cgroup": "/user.slice/user-1001.slice/session-31.scope"},
    "bob":      {"unit": "session-12.scope", "cgroup": "/user.slice/user-1002.slice/session-12.scope"},
    "init":     {"unit": "init.scope", "cgroup": "/init.scope"},
}
TRAIN = "train.py --config configs/llama-8b.yaml --data /data/tokens --out /data/checkpoints"

# Adding a process is one row; its parent must stand above it.
ACTORS: tuple[Actor, ...] = (
    Actor("systemd",         "/usr/lib/systemd/systemd --system --deserialize=58",            "root",    "",             "init",     UPTIME,   14,   1, _little(0.002)),
    Actor("systemd-journald", "/usr/lib/systemd/systemd-journald",                            "root",    "systemd",      "",         UPTIME,   96,   1, _little(0.003)),
    Actor("systemd-udevd",   "/usr/lib/systemd/systemd-udevd",                                "root",    "systemd",      "",         UPTIME,   11,   1, _little(0.0001)),
    Actor("systemd-resolved", "/usr/lib/systemd/systemd-resolved",                            "systemd-resolve", "systemd", "",      UPTIME,   15,   1, _little(0.0002)),
    Actor("dbus-daemon",     "@dbus-daemon --system --address=systemd: --nofork",             "messagebus", "systemd",   "",         UPTIME,    6,   1, _little(0.0002)),
    Actor("systemd-logind",  "/usr/lib/systemd/systemd-logind",                               "root",    "systemd",      "",         UPTIME,    9,   1, _little(0.0001)),
    Actor("chronyd",         "/usr/sbin/chronyd -F 1",                                        "_chrony", "systemd",      "",         UPTIME,    4,   1, _little(0.0001)),
    Actor("cron",            "/usr/sbin/cron -f -P",                                          "root",    "systemd",      "",         UPTIME,    3,   1, _little(0.0001)),
    Actor("rsyslogd",        "/usr/sbin/rsyslogd -n -iNONE",                                  "syslog",  "systemd",      "",         UPTIME,    7,   4, _little(0.0004)),
    Actor("irqbalance",      "/usr/sbin/irqbalance --foreground",                             "root",    "systemd",      "",         UPTIME,    6,   2, _little(0.001)),
    Actor("nvidia-persiste", "/usr/bin/nvidia-persistenced --user nvidia-persistenced --verbose", "nvidia-persistenced", "systemd", "", UPTIME,    4,   1, _little(0.0001)),
    Actor("nv-fabricmanage", "/usr/bin/nv-fabricmanager -c /usr/share/nvidia/nvswitch/fabricmanager.cfg", "root", "systemd", "",     UPTIME,   31,  19, _little(0.004), "switch"),
    Actor("nv-hostengine",   "/usr/bin/nv-hostengine -n --service-account nvidia-dcgm",       "nvidia-dcgm", "systemd",  "",         UPTIME,  140,  12, _little(0.012)),
    Actor("sshd",            "sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups",       "root",    "systemd",      "",         UPTIME,    9,   1, _little(0.0001)),
    Actor("containerd",      "/usr/bin/containerd",                                           "root",    "systemd",      "",         UPTIME,   78,  58, _little(0.006)),
    Actor("dockerd",         "/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock", "root", "systemd", "",        UPTIME,  112,  64, _little(0.005)),
    Actor("munged",          "/usr/sbin/munged",                                              "munge",   "systemd",      "",         UPTIME,    4,   4, _little(0.0001)),
    Actor("slurmd",          "/usr/sbin/slurmd -D -s",                                        "root",    "systemd",      "",         UPTIME,   13,   2, _little(0.0005)),
    Actor("node_exporter",   "/usr/local/bin/node_exporter --collector.infiniband --web.listen-address=127.0.0.1:9100", "prometheus", "systemd", "", UPTIME, 31, 22, total(one=0.004, noise0=0.012)),
    Actor("dcgm-exporter",   "/usr/bin/dcgm-exporter -f /etc/dcgm-exporter/default-counters.csv", "root", "systemd",     "",         UPTIME,   64,  31, total(one=0.006, noise1=0.01)),
    Actor("prometheus",      "/usr/local/bin/prometheus --config.file=/etc/prometheus/prometheus.yml", "prometheus", "systemd", "",   9 * DAY, 612,  38, total(one=0.02, noise2=0.05)),

    Actor("containerd-shim", f"/usr/bin/containerd-shim-runc-v2 -namespace moby -id {BOX * 5}abcd", "root", "containerd", "",        5 * DAY,   12,  14, _little(0.0005)),
    Actor("vllm",            "/usr/bin/python3 /usr/local/bin/vllm serve meta-llama/Llama-3.3-70B-Instruct --tensor-parallel-size {count} --port 8000", "root", "containerd-shim", "box", 5 * DAY, 2830, 96, total(one=0.03, serve=0.85, noise3=0.05), "server"),
    Actor("VLLM::EngineCor", "VLLM::EngineCore",                                              "root",    "vllm",         "box",      5 * DAY, 5120, 74, total(one=0.12, serve=0.86), "server"),
    Actor("VLLM::Worker_TP", "VLLM::Worker_TP{worker}",                                       "root",    "VLLM::EngineCor", "box",   5 * DAY, 7900, 81, total(one=0.04, serve=0.93), "part"),
    Actor("text-embeddings", "text-embeddings-router --model-id BAAI/bge-m3 --port 8081",     "root",    "containerd-shim", "box",   5 * DAY, 1460, 44, total(one=0.01, serve=0.20), "embeddings"),

    Actor("slurmstepd",      "slurmstepd: [48213.0]",                                         "root",    "slurmd",       "job",      JOB,       8,   9, _little(0.0005)),
    Actor("torchrun",        "/home/alice/venv/bin/python /home/alice/venv/bin/torchrun --standalone --nproc-per-node={count} " + TRAIN, "alice", "slurmstepd", "job", JOB - 1, 420, 27, _little(0.003)),
    Actor("python",          "/home/alice/venv/bin/python -u " + TRAIN,                       "alice",   "torchrun",     "job",      JOB - 3, 9200, 148, total(one=0.02, load=0.97, checkpoint=0.80, spin=0.97, noise4=0.01), "rank"),
    Actor("pt_data_worker",  "/home/alice/venv/bin/python -u " + TRAIN,                       "alice",   "python",       "job",      JOB - 9, 2300,   9, total(load=0.22, starved=0.72, noise5=0.04), "loader"),

    Actor("sshd",            "sshd: alice [priv]",                                            "root",    "sshd",         "alice",    0.4 * DAY, 11,   1, _little(0.0001)),
    Actor("tmux: server",    "tmux new -s train",                                             "alice",   "systemd",      "alice",    0.4 * DAY,  8,   1, _little(0.001)),
    Actor("bash",            "-bash",                                                         "alice",   "tmux: server", "alice",    0.4 * DAY,  6,   1, _little(0.0)),
    Actor("srun",            "srun -p gpu --gres=gpu:{count} torchrun " + TRAIN,              "alice",   "bash",         "alice",    JOB + 1,   14,   8, _little(0.0003)),
    Actor("tensorboard",     "/home/alice/venv/bin/python /home/alice/venv/bin/tensorboard --logdir /data/runs", "alice", "bash", "alice", 0.3 * DAY, 780, 61, total(one=0.01, noise6=0.03), nice=10),
    Actor("sshd",            "sshd: bob [priv]",                                              "root",    "sshd",         "bob",      2.1 * DAY, 11,   1, _little(0.0001)),
    Actor("bash",            "-bash",                                                         "bob",     "sshd",         "bob",      2.1 * DAY,  6,   1, _little(0.0)),
    Actor("jupyter-lab",     "/opt/conda/bin/python /opt/conda/bin/jupyter-lab --no-browser", "bob",     "bash",         "bob",      2.0 * DAY, 310,  12, _little(0.002)),
    Actor("python3",         "/opt/conda/bin/python3 -m ipykernel_launcher -f /home/bob/.local/share/jupyter/runtime/kernel-6a1f.json", "bob", "jupyter-lab", "bob", 1.9 * DAY, 6100, 63, _little(0.004), "held"),
    Actor("vim",             "vim notes.md",                                                  "bob",     "bash",         "bob",      0.2 * DAY, 14,   1, _little(0.0)),
)

VISITORS: tuple[Visitor, ...] = (
    Visitor("nvidia-smi",    "nvidia-smi --query-gpu=utilization.gpu --format=csv",  "bob",    31.0,  1.6,   9.0,   22, 0.55),
    Visitor("squeue",        "squeue -u alice",                                      "alice",  47.0,  0.9,  14.0,   12, 0.40),
    Visitor("rsync",         "rsync -a /data/checkpoints/ store:/backup/llama-8b/",  "alice", 240.0, 55.0, 112.0,   18, 0.62),
    Visitor("git",           "git fetch --all",                                      "bob",   131.0,  3.0,  41.0,   31, 0.35),
    Visitor("python3",       "python3 tools/eval.py --suite small",                  "bob",   173.0, 38.0,  27.0,  840, 0.97),
)
KERNEL = ("kswapd0", "kcompactd0", "khugepaged", "kdevtmpfs", "oom_reaper", "writeback", "kauditd", "nvidia-modeset/", "nv_queue", "UVM global queue", "UVM deferred release queue", "irq/171-nvidia", "irq/172-nvidia", "jbd2/nvme0n1p2-8", "xfsaild/nvme1n1", "rdma_cm", "ib_addr", "mlx5_health", "md127_raid0", "rpciod")
# fmt: on
MOST_CPU_THREADS = 48
"""Processors whose kernel threads are listed: as many again say nothing new."""


def _times(actor: Actor, machine: Machine) -> list[dict[str, int]]:
    """Return the numbers that each process of a row is known by."""
    where = {role: [g for g, r in enumerate(machine.roles) if r is role] for role in Role}
    train, serve = where[Role.TRAIN], where[Role.SERVE]
    count = len(train) if actor.place in {"job", "alice"} else len(serve)
    ranks = [{"rank": rank, "gpu": gpu, "count": count} for rank, gpu in enumerate(train)]
    loaders = 6 if machine.chassis.cpus >= 14 * len(train) else 3
    by_name: dict[str, list[dict[str, int]]] = {
        "rank": ranks,
        "loader": [{**rank, "worker": worker} for rank in ranks for worker in range(loaders)],
        "part": [{"worker": part, "gpu": gpu} for part, gpu in enumerate(serve)],
        "held": [{"gpu": gpu} for gpu in where[Role.HELD]],
        "server": [{"count": count}] if serve else [],
        "embeddings": [{"gpu": serve[0]}] if serve else [],
        "switch": [{}] if "switch" in machine.product.has else [],
    }
    return by_name.get(actor.every, [{"count": count}])


def _kernel(machine: Machine) -> Iterator[Process]:
    """Yield the threads of the kernel."""
    shown = range(min(machine.chassis.cpus, MOST_CPU_THREADS))
    each = [f"{name}/{cpu}" for cpu in shown for name in ("migration", "ksoftirqd")]
    workers = [f"kworker/{cpu}:1" for cpu in shown]
    for place, name in enumerate(["kthreadd", *each, *workers, *KERNEL]):
        pid = 2 + place
        form = total(checkpoint=0.03) if name.startswith("kworker") else _little(0.0002)
        labels = {"pid": str(pid), "comm": name, "user": "root", "kernel": "yes"}
        entity = Entity(identify(pid, -UPTIME), name, pid, labels)
        parent = 0 if place == 0 else 2
        yield Process(pid, parent, -UPTIME, entity, 0.0, 1, form, 0, kernel=True)


def cast(machine: Machine) -> tuple[list[Process], dict[int, list[Occupant]]]:
    """Return all processes that stay, and those on each GPU."""
    found = list(_kernel(machine))
    last: dict[str, int] = {}
    ranks: dict[int, int] = {}
    on_gpus: dict[int, list[Occupant]] = {gpu: [] for gpu in range(len(machine.roles))}
    pid = 1
    for actor in ACTORS:
        for numbers in _times(actor, machine):
            parent = last.get(actor.parent, 0)
            if actor.every == "loader":
                parent = ranks[numbers["rank"]]
            one = _process(actor, numbers, pid, parent, machine)
            found.append(one)
            last[actor.comm] = pid
            if actor.every == "rank":
                ranks[numbers["rank"]] = pid
            if "gpu" in numbers and actor.every != "loader":
                on_gpus[numbers["gpu"]].append(_occupant(actor, one))
            pid = _next_pid(pid, actor, machine)
    return found, on_gpus


def _next_pid(pid: int, actor: Actor, machine: Machine) -> int:
    """Return a pid above *pid*, with gaps as a machine has them."""
    base = 1200 if pid == 1 else pid
    gap = 900 if actor.began < UPTIME and not actor.every else 3
    return base + 1 + int(chance(machine.seed, 31, pid) * gap)


def _process(
    actor: Actor, numbers: Mapping[str, int], pid: int, parent: int, machine: Machine
) -> Process:
    began = -actor.began + 0.01 * numbers.get("rank", 0)
    name = actor.comm
    labels = {
        "pid": str(pid),
        "user": actor.user,
        "command": actor.command.format(**numbers) if "{" in actor.command else actor.command,
        "comm": name[:15],
    }
    labels |= PLACES.get(actor.place) or {
        "unit": f"{name}.service",
        "cgroup": f"/system.slice/{name}.service",
    }
    if actor.every in {"rank", "loader"}:
        labels["rank"] = str(numbers["rank"])
        labels["devices"] = ",".join(
            str(gpu) for gpu, role in enumerate(machine.roles) if role is Role.TRAIN
        )
    spread = 0.9 + 0.2 * chance(machine.seed, 32, pid)
    weights = dict(actor.cpu.weights)
    if "noise5" in weights:  # every loader has a noise of its own
        weights[f"noise{pid % WANDERING}"] = weights.pop("noise5")
    entity = Entity(identify(pid, began), name[:15], pid, labels)
    return Process(
        pid,
        parent,
        began,
        entity,
        actor.memory * spread * MIB,
        actor.threads,
        Form(actor.cpu.block, weights),
        actor.nice,
    )


def _occupant(actor: Actor, process: Process) -> Occupant:
    """Return a process as one on a GPU; the embeddings share one with the model server."""
    share, use = (0.05, 0.1) if actor.every == "embeddings" else (1.0, 1.0)
    if actor.every == "part":
        use = 0.9
    return Occupant(process.entity.id, process.pid, process.entity.name, share, use)


def demand(processes: list[Process]) -> Form:
    """Return the CPUs that all processes use together, those that come and go at their mean."""
    weights: dict[str, float] = {}
    for process in processes:
        for name, weight in process.cpu.weights.items():
            weights[name] = weights.get(name, 0.0) + weight
    visits = sum(one.cpu * one.lasts / one.every for one in VISITORS)
    weights["one"] = weights.get("one", 0.0) + visits
    return total(**weights)
