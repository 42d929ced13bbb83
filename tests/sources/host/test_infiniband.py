import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence
from tuimon.sources.host.infiniband import RATE, InfiniBand

NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW


def add_card(fake, card="mlx5_0"):
    folder = f"sys/class/infiniband/{card}/ports/1"
    fake.files(folder, state="4: ACTIVE", phys_state="5: LinkUp", rate="400 Gb/sec (4X NDR)")
    fake.files(folder, link_layer="InfiniBand")
    fake.files(f"{folder}/counters", port_xmit_data=1000, port_rcv_data=2000, symbol_error=7)
    fake.files(f"{folder}/hw_counters", np_cnp_sent=5)
    fake.files(f"sys/class/infiniband/{card}", fw_ver="28.39.1002")
    fake.files(f"sys/class/infiniband/{card}/device", numa_node=1)
    fake.files(f"sys/class/infiniband/{card}/device/net/ib0", mtu=2044)


@pytest.fixture
def ports(fake):
    add_card(fake)
    return InfiniBand(fake.tree)


def test_data_counters_are_words_of_four_bytes(fake, ports):
    frame = fake.part(ports, NORMAL).frames[0]
    assert frame.value("port_sent_bytes_total", "mlx5_0/1") == 4000
    assert frame.value("port_received_bytes_total", "mlx5_0/1") == 8000


def test_state_and_rate_are_taken_from_their_words(fake, ports):
    frame = fake.part(ports, NORMAL).frames[0]
    assert frame.value(RATE, "mlx5_0/1") == 50e9
    assert frame.catalogue["port_state"].word(frame.value("port_state", "mlx5_0/1")) == "active"
    physical = frame.value("port_physical_state", "mlx5_0/1")
    assert frame.catalogue["port_physical_state"].word(physical) == "link up"


def test_errors_and_congestion_are_read_seldom(fake, ports):
    frame = fake.part(ports, SLOW).frames[0]
    assert frame.value("port_symbol_errors_total", "mlx5_0/1") == 7
    assert frame.value("port_congestion_sent_total", "mlx5_0/1") == 5


def test_a_counter_that_the_card_lacks_is_not_supported(fake, ports):
    frame = fake.part(ports, SLOW).frames[0]
    assert frame.reason("port_out_of_sequence_total", "mlx5_0/1") is Reason.NOT_SUPPORTED


def test_a_port_tells_its_card(fake, ports):
    labels = fake.part(ports, NORMAL).frames[0].entities[0].labels
    assert labels["firmware"] == "28.39.1002"
    assert labels["interface"] == "ib0"
    assert labels["numa_node"] == "1"
    assert labels["speed"] == "400 Gb/sec (4X NDR)"


def test_garbage_is_a_failure_of_that_cell(fake, ports):
    fake.write("sys/class/infiniband/mlx5_0/ports/1/counters/port_xmit_data", "\xff?")
    fake.write("sys/class/infiniband/mlx5_0/ports/1/state", "")
    frame = fake.part(ports, NORMAL).frames[0]
    assert frame.reason("port_sent_bytes_total", "mlx5_0/1") is Reason.FAILED
    assert frame.reason("port_state", "mlx5_0/1") is Reason.FAILED
    assert frame.value("port_received_bytes_total", "mlx5_0/1") == 8000


def test_a_card_that_comes_is_found_at_the_next_inventory(fake, ports):
    first = fake.part(ports, NORMAL).frames[0].entities
    ports.rescan()
    assert fake.part(ports, NORMAL).frames[0].entities is first
    add_card(fake, "mlx5_1")
    ports.rescan()
    assert [e.id for e in fake.part(ports, NORMAL).frames[0].entities] == ["mlx5_0/1", "mlx5_1/1"]


def test_a_machine_without_cards_has_no_ports(fake):
    fake.stat(1)
    assert len(fake.part(InfiniBand(fake.tree), NORMAL).frames[0].entities) == 0
