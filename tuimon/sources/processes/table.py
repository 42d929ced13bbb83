"""What is known of a process: the tables of its metrics and labels.

Adding a metric that `/proc/PID/stat` holds takes one row of `STAT`; another file costs as much
again as everything here, and needs code in sampler.py.
"""

from tuimon.drivers import procfs
from tuimon.model.metric import Cadence, Catalogue, Kind, Label, Metric, Type
from tuimon.units import Unit

# fmt: off
# The letter of stat(5), the number that stands for it, its word. The numbers are recorded: never renumber.
STATES: tuple[tuple[bytes, int, str], ...] = (
    (b"R",  1, "running"),
    (b"S",  2, "sleeping"),
    (b"D",  3, "disk sleep"),       # uninterruptible: waits for a device, cannot be killed
    (b"Z",  4, "zombie"),           # ended; its parent has not asked for its status
    (b"T",  5, "stopped"),
    (b"t",  6, "traced"),
    (b"I",  7, "idle"),             # a kernel thread without work
    (b"X",  8, "dead"),
    (b"x",  8, "dead"),
    (b"K",  9, "wakekill"),
    (b"W", 10, "waking"),
    (b"P", 11, "parked"),
)

# Exact, by the CPU clock of each process; where clocks cannot be asked, to one tick from `stat`.
CPU = Metric("process_cpu_seconds_total", Kind.PROCESS, Unit.SECONDS, Type.COUNTER, "CPU",
             "CPU time of all its threads, ended ones too.", source="clock_gettime of clock_getcpuclockid(3); /proc/PID/stat")


def _stat(name: str, unit: Unit, kind: Type, title: str, text: str, words: tuple[tuple[int, str], ...] = ()) -> Metric:
    return Metric(name, Kind.PROCESS, unit, kind, title, text, Cadence.NORMAL, words=words, source="/proc/PID/stat")


_GAUGE, _COUNTER = Type.GAUGE, Type.COUNTER
_TICK = 1 / procfs.TICKS_PER_SECOND

# The metric, the field of `stat` (position behind the command name), what one count of it is in the base unit.
# Of a process that used no CPU they may be as old as the sweep; read_at[NORMAL] says how old.
STAT: tuple[tuple[Metric, int, float], ...] = (
    (_stat("process_state",                Unit.STATE,   _GAUGE,   "State",    "What its main thread does.", tuple({code: word for _, code, word in STATES}.items())), procfs.STATE, 1),
    (_stat("process_memory_bytes",         Unit.BYTES,   _GAUGE,   "Resident", "Memory that is in RAM, shared pages included."),   procfs.RESIDENT_PAGES, procfs.PAGE_SIZE),
    (_stat("process_virtual_bytes",        Unit.BYTES,   _GAUGE,   "Virtual",  "Address space, most of which is never touched."),  procfs.VIRTUAL_SIZE,   1),
    (_stat("process_threads",              Unit.COUNT,   _GAUGE,   "Threads",  "Its threads."),                                    procfs.THREADS,        1),
    (_stat("process_nice",                 Unit.COUNT,   _GAUGE,   "Nice",     "Nice value, -20 (favoured) to 19."),               procfs.NICE,           1),
    (_stat("process_priority",             Unit.COUNT,   _GAUGE,   "Priority", "The kernel's priority; below 0 is real time."),    procfs.PRIORITY,       1),
    (_stat("process_parent",               Unit.COUNT,   _GAUGE,   "Parent",   "Id of the process that is its parent now."),       procfs.PARENT,         1),
    (_stat("process_start_seconds",        Unit.SECONDS, _GAUGE,   "Started",  "When it began, seconds since the epoch."),         procfs.START_TICKS,    _TICK),
    (_stat("process_user_seconds_total",   Unit.SECONDS, _COUNTER, "User",     "CPU time in its own code, to one tick."),          procfs.USER_TICKS,     _TICK),
    (_stat("process_system_seconds_total", Unit.SECONDS, _COUNTER, "System",   "CPU time in the kernel, to one tick."),            procfs.SYSTEM_TICKS,   _TICK),
    (_stat("process_minor_faults_total",   Unit.COUNT,   _COUNTER, "Minor",    "Page faults that needed no disk."),                procfs.MINOR_FAULTS,   1),
    (_stat("process_major_faults_total",   Unit.COUNT,   _COUNTER, "Major",    "Page faults that waited for a disk."),             procfs.MAJOR_FAULTS,   1),
    (_stat("process_processor",            Unit.COUNT,   _GAUGE,   "Core",     "The logical CPU it ran on last."),                 procfs.PROCESSOR,      1),
)

CATALOGUE = Catalogue(Kind.PROCESS, (CPU, *(metric for metric, _, _ in STAT)))

# An entity lacks the labels that say nothing of it. Those from the environment are known for one's own processes, and to root.
LABELS: tuple[Label, ...] = (
    Label("pid",       Kind.PROCESS, "Its number in our pid namespace."),
    Label("user",      Kind.PROCESS, "Effective user; the number while the name is not known."),
    Label("command",   Kind.PROCESS, "The whole command line, its arguments joined by spaces.", secret=True),
    Label("comm",      Kind.PROCESS, "The kernel's name for it, at most 15 bytes."),
    Label("kernel",    Kind.PROCESS, "`yes` for a thread of the kernel."),
    Label("container", Kind.PROCESS, "The first 12 digits of its container's id, or its container's name."),
    Label("pod",       Kind.PROCESS, "Kubernetes pod: its name, or its UID where the name is not to be had."),
    Label("job",       Kind.PROCESS, "Number of its Slurm, PBS or LSF job."),
    Label("unit",      Kind.PROCESS, "Its systemd service or scope."),
    Label("cgroup",    Kind.PROCESS, "Path of its control group.", secret=True),
    Label("rank",      Kind.PROCESS, "Its rank in a distributed run, from the environment."),
    Label("devices",   Kind.PROCESS, "`CUDA_VISIBLE_DEVICES` as it was started."),
)
# fmt: on
