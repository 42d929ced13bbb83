"""When the identity of a process is read, and when again."""

from tuimon.sources.processes import sampler as passes
from tuimon.sources.processes.table import CATALOGUE


def test_exec_is_seen_by_the_new_name_or_the_new_stack(machine, sampler):
    one = machine.add(1, cmdline=b"python3\0a.py\0", stack=1000)
    machine.settle(sampler)
    one.cmdline, one.stack = b"python3\0b.py\0", 2000
    assert machine.tick(sampler, ["1-100"]).entities[0].labels["command"] == "python3 b.py"
    one.comm, one.cmdline = b"node", b"node\0c.js\0"
    entity = machine.tick(sampler, ["1-100"]).entities[0]
    assert (entity.name, entity.labels["command"]) == ("node", "node c.js")


def test_a_command_line_that_changes_unseen_is_read_again(machine, sampler):
    one = machine.add(1, cmdline=b"a\0")
    machine.add(2)
    machine.settle(sampler)
    one.cmdline = b"b\0"
    frame = machine.tick(sampler, ["1-100"], seconds=11.0)
    assert frame.entities.get("1-100").labels["command"] == "b"
    one.cmdline = b"c\0"
    for _ in range(passes.REFRESH):
        frame = machine.tick(sampler)
    assert frame.entities.get("1-100").labels["command"] == "c"


def test_identities_come_in_bounded_numbers_those_in_view_and_the_busiest_first(machine, sampler):
    for pid in range(1, 3001):
        machine.add(pid, nanoseconds=pid)
    frame = sampler.sample(["5-100"])
    assert machine.count(b"cmdline") == passes.IDENTITIES_AT_FIRST
    assert "command" in frame.entities.get("5-100").labels
    assert "command" in frame.entities.get("3000-100").labels
    assert "command" not in frame.entities.get("100-100").labels
    frame = machine.tick(sampler, ["100-100"])
    assert machine.count(b"cmdline") <= passes.IDENTITIES + 10
    assert "command" in frame.entities.get("100-100").labels
    for _ in range(20):
        frame = machine.tick(sampler)
    assert all("command" in entity.labels for entity in frame.entities)


def test_a_zombie_keeps_the_command_line_it_had(machine, sampler):
    one = machine.add(1, cmdline=b"python3\0train.py\0", stack=5)
    machine.settle(sampler)
    one.cmdline, one.state, one.stack = b"", b"Z", 0
    frame = machine.tick(sampler, ["1-100"])
    assert frame.entities[0].labels["command"] == "python3 train.py"
    assert CATALOGUE["process_state"].word(frame.value("process_state", "1-100")) == "zombie"


def test_a_thread_of_the_kernel_stands_in_brackets_and_is_not_looked_into(machine, sampler):
    one = machine.add(2, comm=b"kworker/3:1-mm_percpu", flags=0x00200040, cmdline=b"", state=b"I")
    frame = sampler.sample()
    entity = frame.entities[0]
    assert entity.name == "[kworker/3:1]"
    assert entity.labels["kernel"] == "yes"
    assert entity.labels["user"] == "root"
    assert machine.reads == [b"2/stat"]
    one.comm = b"kworker/3:1+events"
    assert machine.tick(sampler, ["2-100"]).entities[0] is entity
