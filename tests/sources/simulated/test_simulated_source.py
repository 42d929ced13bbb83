"""The source as the engine sees it: arguments, determinism, lanes that hang."""

import threading
import time

import numpy as np
import pytest

from tuimon.engine import Engine, Live, SteadyClock
from tuimon.errors import Reason, UsageError
from tuimon.model.metric import Cadence, Kind
from tuimon.model.sample import Status
from tuimon.model.source import NO_INTEREST
from tuimon.sources.simulated import DEFAULT, SimulatedSource
from tuimon.sources.simulated.loads import Role, roles
from tuimon.sources.simulated.script import Hung, Lost, Script, Slow


def same(one, other):
    """Whether two lists of frames say the same of the same."""
    return len(one) == len(other) and all(
        a.kind is b.kind
        and [e.id for e in a.entities] == [e.id for e in b.entities]
        and np.array_equal(a.values, b.values, equal_nan=True)
        and np.array_equal(a.reasons, b.reasons)
        and np.array_equal(a.read_at, b.read_at, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


def frames(machine):
    return [frame for reader in machine.readers for frame in machine.frames(reader)]


def test_the_same_seed_and_times_give_the_same_frames(bench):
    one, other = bench(script=DEFAULT, seed=4), bench(script=DEFAULT, seed=4)
    for time_ in (0.0, 1.0, 7.3, 60.0):
        assert same(frames(one.at(time_)), frames(other.at(time_)))


def test_another_seed_gives_other_frames_and_other_gpus(bench):
    one, other = bench(seed=1).at(30.0), bench(seed=2).at(30.0)
    assert one.reader("gpu0").entities[0].id != other.reader("gpu0").entities[0].id
    name = "gpu_energy_joules_total"
    assert one.value("gpu4", name) != other.value("gpu4", name)


def test_what_is_read_does_not_depend_on_what_was_read_before(bench):
    often, seldom = bench(script=DEFAULT), bench(script=DEFAULT)
    for step in range(150):
        often.at(step * 0.37).value("gpu0", "gpu_power_watts")
    back = often.at(3.3).value("gpu0", "gpu_energy_joules_total")  # long forgotten
    assert back == seldom.at(3.3).value("gpu0", "gpu_energy_joules_total")
    assert same(frames(often.at(70.2)), frames(seldom.at(70.2)))


def test_a_machine_that_began_before_has_counted_more_and_is_warm():
    fresh = SimulatedSource(1, clock=lambda: 5000.0)
    old = SimulatedSource(1, clock=lambda: 5000.0, start=4000.0)

    def seen(source):
        (frame, *_) = source.open()[0].read(Cadence.FAST, NO_INTEREST).frames
        return frame.row("gpu_energy_joules_total")[0], frame.row("gpu_temperature_celsius")[0]

    assert seen(old)[0] > seen(fresh)[0] + 100 * 1000
    assert seen(old)[1] > seen(fresh)[1] + 10
    assert seen(fresh)[0] > 86400 * 100  # it has been up for days


def test_boot_time_and_uptime_agree_with_the_clock(bench):
    machine = bench().at(50.0)
    up = machine.value("host", "host_uptime_seconds")
    assert up + machine.value("host", "host_boot_time_seconds") == pytest.approx(machine.now)


@pytest.mark.parametrize(
    ("gpus", "kind", "words"),
    [(8, "voodoo2", "h100, a100"), (0, "h100", "1 to 16"), (17, "h100", "1 to 16")],
)
def test_a_wrong_kind_or_number_names_those_that_are_right(gpus, kind, words):
    with pytest.raises(UsageError, match=words):
        SimulatedSource(gpus, kind)


def test_a_kind_may_be_spelt_as_people_do():
    assert SimulatedSource(1, "RTX 4090").open()[0].entities[0].name == "NVIDIA GeForce RTX 4090"


@pytest.mark.parametrize("gpus", range(1, 17))
def test_some_gpu_always_trains_and_from_five_on_all_roles_are_there(gpus):
    found = roles(gpus)
    assert len(found) == gpus
    assert Role.TRAIN in found
    assert set(found) == set(Role) or gpus < 5


def test_there_is_a_lane_for_each_gpu_one_for_the_host_and_one_for_processes(bench):
    names = [reader.name for reader in bench(2).readers]
    assert names == ["simulated/gpu0", "simulated/gpu1", "simulated/host", "simulated/processes"]


def test_every_reading_says_that_it_is_simulated(bench):
    machine = bench(1)
    for reader in machine.readers:
        for cadence in reader.cadences:
            assert "simulated" in reader.read(cadence, NO_INTEREST).note
    (host,) = (f.entities[0] for f in machine.frames(machine.reader("host"), Cadence.INVENTORY))
    assert host.name == "demo-h100-1"


def test_entities_are_shared_while_nobody_comes_or_goes(bench):
    machine = bench(2)
    reader = machine.reader("processes")
    first, second = (machine.at(t).frames(reader)[0].entities for t in (5.0, 6.0))
    third = machine.at(9.5).frames(reader)[0].entities
    assert first is second
    assert len(third) == len(first) + 1
    assert third[len(first)].name == "nvidia-smi"


def test_pids_are_unique_and_parents_exist(bench):
    for gpus in (1, 8, 16):
        machine = bench(gpus).at(30.0)
        (frame,) = machine.frames(machine.reader("processes"))
        pids = [int(one.labels["pid"]) for one in frame.entities]
        assert len(set(pids)) == len(pids)
        assert set(frame.row("process_parent").tolist()) <= {0.0, *map(float, pids)}


def test_gpu_processes_are_processes_of_the_host(bench):
    machine = bench().at(20.0)
    (table,) = machine.frames(machine.reader("processes"))
    found = 0
    for gpu in range(8):
        reader = machine.reader(f"gpu{gpu}")
        for frame in machine.frames(reader, Cadence.FAST):
            if frame.kind is Kind.GPU_PROCESS:
                for one in frame.entities:
                    found += 1
                    assert table.entities.get(one.labels["process"]) is not None
                    assert one.parent == reader.entities[0].id
    assert found == 8


def test_a_hung_reader_comes_back_when_its_time_is_over(bench):
    machine = bench(1, script=Script((Hung(0, 5, 10),))).at(6.0)
    reader = machine.reader("gpu0")
    thread = threading.Thread(target=reader.read, args=(Cadence.FAST, NO_INTEREST), daemon=True)
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    machine.at(10.0)
    thread.join(2.0)
    assert not thread.is_alive()


def test_closing_does_not_wait_for_a_hung_reader(bench):
    machine = bench(1, script=Script((Hung(0, 5, 1e9), Slow(0, 5, 1e9, wait=1e3)))).at(6.0)
    reader = machine.reader("gpu0")
    thread = threading.Thread(target=reader.read, args=(Cadence.FAST, NO_INTEREST), daemon=True)
    thread.start()
    began = time.monotonic()
    machine.source.release()
    thread.join(2.0)
    assert not thread.is_alive()
    assert time.monotonic() - began < 1.0


def test_a_slow_gpu_takes_its_time(bench):
    machine = bench(1, script=Script((Slow(0, 0, 10, wait=0.05),)))
    began = time.monotonic()
    machine.at(1.0).frames(machine.reader("gpu0"), Cadence.FAST)
    assert time.monotonic() - began >= 0.05


class Hand:
    """The engine's clock, set by hand."""

    def __init__(self):
        self.seconds = 1000.0

    def now(self):
        return self.seconds

    def monotonic(self):
        return self.seconds

    def follow(self):
        return False


def test_the_engine_shows_rates_faults_and_joined_processes_of_it():
    clock = Hand()
    source = SimulatedSource(8, "h100", 0, clock.now, Script((Lost(7, 4, 1e9),)))
    live = Live([source], clock)
    engine = Engine(live)
    deadline = time.monotonic() + 5
    while len(live.sample(1.0).health) < 10 or not live.healthy:
        assert time.monotonic() < deadline
    for _ in range(6):
        clock.seconds += 1.0
        state = engine.step()
    gpus = state.frames[Kind.GPU]
    assert gpus.row("gpu_energy_watts")[0] > 60
    lost = gpus.entities[7].id
    assert gpus.reason("gpu_power_watts", lost) is Reason.DEVICE_LOST
    assert state.health["simulated/gpu7"].status is Status.FAILED
    assert state.health["simulated/gpu6"].status is Status.OK
    table = state.frames[Kind.PROCESS]
    assert np.nanmax(table.row("process_gpu_memory_bytes")) > 10e9
    engine.stop()


def test_reading_eight_gpus_costs_little(bench):
    machine = bench(script=DEFAULT).at(1.0)
    frames(machine)
    spent = []
    for tick in range(30):
        machine.at(2.0 + tick)
        began = time.process_time()
        for reader in machine.readers:
            for cadence in (Cadence.EVENTS, Cadence.FAST, Cadence.NORMAL):
                if cadence in reader.cadences and (cadence is not Cadence.NORMAL or tick % 3 == 0):
                    reader.read(cadence, NO_INTEREST)
        spent.append(time.process_time() - began)
    assert np.median(spent) < 0.006  # 1.1 ms where it was measured


def test_a_steady_clock_drives_it_too():
    clock = SteadyClock()
    source = SimulatedSource(1, clock=clock.now)
    source.open()[0].read(Cadence.FAST, NO_INTEREST)
