from threading import Event

import pytest

from tuimon.sources.processes.identity import (
    COMMAND_SIZE,
    Place,
    Users,
    command_line,
    kernel_name,
    place,
    short_name,
    surroundings,
)

ID = "0123456789ab" + "c" * 52
POD = "1a2b3c4d-1111-2222-3333-444455556666"

# fmt: off
PLACES = [
    (f"0::/system.slice/docker-{ID}.scope", ID[:12], "", "", f"docker-{ID}.scope"),
    (f"5:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}", ID[:12], "", "", ""),
    (f"0::/machine.slice/libpod-{ID}.scope/container", ID[:12], "", "", f"libpod-{ID}.scope"),
    (f"0::/kubepods.slice/kubepods-burstable-pod{POD.replace('-', '_')}.slice/crio-{ID}.scope",
     ID[:12], POD, "", f"crio-{ID}.scope"),
    (f"9:cpu:/kubepods/besteffort/pod{POD}/{ID}", ID[:12], POD, "", ""),
    (f"0::/kubepods-pod{POD.replace('-', '_')}.slice:cri-containerd:{ID}", ID[:12], POD, "", ""),
    ("0::/lxc.payload.web1/system.slice/nginx.service", "web1", "", "", "nginx.service"),
    ("0::/machine.slice/machine-arch.scope", "arch", "", "", "machine-arch.scope"),
    ("0::/system.slice/slurmstepd.scope/job_47/step_0/user", "", "", "47", "slurmstepd.scope"),
    ("4:memory:/slurm/uid_1000/job_12/step_batch\n0::/", "", "", "12", ""),
    ("0::/system.slice/ssh.service", "", "", "", "ssh.service"),
    ("0::/user.slice/job_5", "", "", "", ""),
]
# fmt: on


@pytest.mark.parametrize(("text", "container", "pod", "job", "unit"), PLACES)
def test_the_path_of_a_control_group_tells_the_place(text, container, pod, job, unit):
    found = place(text.encode() + b"\n")
    assert (found.container, found.pod, found.job, found.unit) == (container, pod, job, unit)
    assert found.cgroup in text


@pytest.mark.parametrize("text", [b"", b"0::/\n", b"1:cpu:/\n0::/\n", b"garbage", b"a:b", b"\xff"])
def test_the_root_and_nonsense_are_nowhere(text):
    assert place(text) == Place()


def test_the_environment_tells_job_rank_and_devices():
    environ = b"XRANK=9\0SLURM_JOB_ID=77\0RANK=3\0CUDA_VISIBLE_DEVICES=0,1\0"
    assert surroundings(b"", environ) == {"job": "77", "rank": "3", "devices": "0,1"}


def test_only_whole_variables_count():
    assert surroundings(b"", b"A=RANK=3\0MY_RANK=4\0RANK\0") == {}
    assert surroundings(b"", b"RANK=5") == {"rank": "5"}
    assert surroundings(b"", b"") == {}


def test_the_control_group_knows_the_job_better_than_the_environment():
    cgroup = b"0::/system.slice/slurmstepd.scope/job_4711/step_0\n"
    assert surroundings(cgroup, b"SLURM_JOB_ID=1\0")["job"] == "4711"


def test_a_pod_has_its_name_from_the_environment_and_else_its_uid():
    cgroup = f"0::/kubepods/pod{POD}/{ID}\n".encode()
    inside = b"HOSTNAME=vllm-0\0KUBERNETES_SERVICE_HOST=10.0.0.1\0"
    assert surroundings(cgroup, inside)["pod"] == "vllm-0"
    assert surroundings(cgroup, b"HOSTNAME=node7\0")["pod"] == POD
    assert "pod" not in surroundings(b"0::/user.slice\n", inside)


def test_a_cut_name_is_made_whole():
    assert short_name(b"containerd-shim", b"/usr/bin/containerd-shim-runc-v2\0-id\0x\0") == (
        "containerd-shim-runc-v2"
    )
    assert short_name(b"containerd-shim", b"/opt/other\0") == "containerd-shim"
    assert short_name(b"python3", b"/usr/bin/python3.11\0a.py\0") == "python3"


def test_a_worker_of_the_kernel_is_named_without_its_work():
    assert kernel_name(b"kworker/u8:2-flush-8:0") == b"kworker/u8:2"
    assert kernel_name(b"kworker/0:1H+kblockd") == b"kworker/0:1H"
    assert kernel_name(b"kworker/R-nfsd") == b"kworker/R-nfsd"
    assert kernel_name(b"migration/0") == b"migration/0"


# fmt: off
HOSTILE = [
    (b"[bold]x[/bold]",                 "[bold]x[/bold]"),       # plain text: nobody parses it
    (b"[@click=quit]x",                 "[@click=quit]x"),
    (b"a\x1b[2Jb",                      "a·[2Jb"),
    (b"\x1b]52;c;eA==\x07",             "·]52;c;eA==·"),
    (b"a\xc2\x9b2Jb",                   "a·2Jb"),                # C1 in UTF-8
    (b"a\x9b2Jb",                       "a\ufffd2Jb"),           # C1 as a byte
    ("a\u202etxt.exe\u202c".encode(),   "a·txt.exe·"),
    ("日本語".encode(),                 "日本語"),
    ("🚀x".encode(),                    "🚀x"),
    (b"\xff\xfe",                       "\ufffd\ufffd"),
    (b"a\nb\tc\rd",                     "a·b·c·d"),
]
# fmt: on


@pytest.mark.parametrize(("raw", "text"), HOSTILE)
def test_no_text_of_a_process_can_reach_the_terminal_as_a_command(machine, sampler, raw, text):
    quoted = raw.replace(b"\n", b" ")
    machine.add(
        5,
        comm=raw,
        cmdline=raw + b"\0x\0",
        environ=b"RANK=" + raw + b"\0",
        cgroup=b"0::/" + quoted + b"\n",
        uid=7,
    )
    machine.names[7] = raw.decode("utf-8", "surrogateescape")
    entity = sampler.sample().entities[0]
    assert entity.name == text
    assert entity.labels["command"] == text + " x"
    assert entity.labels["rank"] == text
    for label in entity.labels.values():
        assert label.isprintable()


def test_a_command_line_is_one_line_without_its_padding():
    assert command_line(b"nginx: worker\0\0\0\0") == "nginx: worker"
    assert command_line(b"a\0\0b c\0") == "a  b c"
    assert command_line(b"") == ""


def test_a_command_line_cut_within_a_character_is_still_text(machine, sampler):
    machine.add(5, cmdline="é".encode() * COMMAND_SIZE)
    machine.add(6, cmdline=b"x" + "é".encode() * COMMAND_SIZE)
    for entity in sampler.sample().entities:
        assert len(entity.labels["command"]) <= COMMAND_SIZE
        assert entity.labels["command"].isprintable()


def test_a_process_without_a_name_goes_by_its_command_line_or_number(machine, sampler):
    machine.add(5, comm=b"", cmdline=b"./x\0")
    machine.add(6, comm=b"", cmdline=b"")
    assert [entity.name for entity in sampler.sample().entities] == ["./x", "6"]


def test_what_we_may_not_read_is_left_out(machine, sampler):
    denied = PermissionError(13, "Permission denied")
    machine.add(5, uid=1000, errors={"environ": denied, "cgroup": denied, "cmdline": denied})
    labels = sampler.sample().entities[0].labels
    assert labels == {"pid": "5", "comm": "python3", "user": "ada"}


def test_a_user_without_a_name_is_a_number(machine, sampler):
    machine.add(5, uid=4242)
    assert sampler.sample().entities[0].labels["user"] == "4242"


def test_each_user_is_looked_up_once():
    asked = []
    users = Users(lambda uid: asked.append(uid) or f"u{uid}")
    for _ in range(3):
        users.ask({1, 2})
    assert (users.name(1), users.name(2), sorted(asked)) == ("u1", "u2", [1, 2])
    users.close()


def test_a_directory_that_does_not_answer_is_waited_for_once(machine):
    from tuimon.sources.processes.sampler import Sampler

    answer = Event()
    waits = []

    def slow(uid):
        answer.wait(10)
        return f"user{uid}"

    users = Users(slow, patience=0.01)
    users._answers = _Counted(users._answers, waits)
    sampler = Sampler(machine, lambda: machine.now, machine.clock, users)
    machine.add(5, uid=5)
    assert sampler.sample().entities[0].labels["user"] == "5"
    machine.add(6, uid=6)
    assert sampler.sample().entities.get("6-100").labels["user"] == "6"
    assert len(waits) == 1
    answer.set()
    users.close()
    users._thread.join(10)
    frame = sampler.sample()
    assert [one.labels["user"] for one in frame.entities] == ["user5", "user6"]


class _Counted:
    """A queue that notes each time somebody waits for it."""

    def __init__(self, queue, waits):
        self._queue, self._waits = queue, waits

    def get(self, timeout=None):
        if timeout is not None:
            self._waits.append(timeout)
        return self._queue.get(timeout=timeout)

    def put(self, item):
        self._queue.put(item)

    def empty(self):
        return self._queue.empty()
