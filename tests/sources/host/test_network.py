import psutil
import pytest

from tuimon.errors import Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.sources.host import HostSource
from tuimon.sources.host.network import PROTOCOLS, SPEED, STATES, SUMS, Network

NORMAL, SLOW = Cadence.NORMAL, Cadence.SLOW


@pytest.fixture
def network(fake):
    fake.machine()
    return Network(fake.tree, lambda: {"eth0": "192.0.2.1"})


def test_both_ways_are_counted(fake, network):
    frame = fake.part(network, NORMAL).frames[0]
    assert frame.value("interface_received_bytes_total", "eth0") == 1000
    assert frame.value("interface_sent_bytes_total", "eth0") == 2000
    assert frame.value("interface_received_drops_total", "eth0") == 2
    assert frame.value("interface_sent_errors_total", "eth0") == 5
    assert frame.value("interface_received_multicasts_total", "eth0") == 4


def test_interfaces_say_what_they_are(fake, network):
    entities = fake.part(network, NORMAL).frames[0].entities
    assert entities.get("eth0").labels == {
        "type": "ethernet",
        "physical": "yes",
        "master": "br0",
        "numa_node": "0",
        "addresses": "192.0.2.1",
    }
    assert entities.get("br0").labels["type"] == "bridge"
    assert entities.get("lo").labels["type"] == "loopback"


def test_the_state_is_a_word_of_the_kernel(fake, network):
    frame = fake.part(network, NORMAL).frames[0]
    assert frame.value("interface_state", "eth0") == STATES.index("up")
    assert frame.catalogue["interface_state"].word(frame.value("interface_state", "br0")) == "down"


def test_the_host_adds_up_interfaces_with_hardware_only(fake, network):
    host = fake.part(network, NORMAL).host
    assert host["host_received_bytes_total"] == 1000
    assert host["host_sent_bytes_total"] == 2000


def test_in_a_container_all_but_loopback_count(fake, network):
    (fake.root / "sys/class/net/eth0/device/numa_node").unlink()
    (fake.root / "sys/class/net/eth0/device").rmdir()
    assert fake.part(network, NORMAL).host["host_received_bytes_total"] == 1900


def test_speed_is_in_bytes_and_none_is_not_supported(fake, network):
    fake.part(network, NORMAL)
    frame = fake.part(network, SLOW).frames[0]
    assert frame.value(SPEED, "eth0") == 100e9 / 8
    assert frame.reason(SPEED, "br0") is Reason.NOT_SUPPORTED
    assert frame.value("interface_mtu_bytes", "eth0") == 9000


def test_an_interface_that_comes_changes_the_entities(fake, network):
    first = fake.part(network, NORMAL).frames[0].entities
    assert fake.part(network, NORMAL).frames[0].entities is first
    text = (fake.root / "proc/net/dev").read_text()
    fake.write("proc/net/dev", text + "  veth1: 7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")
    frame = fake.part(network, NORMAL).frames[0]
    assert [e.id for e in frame.entities] == ["lo", "eth0", "br0", "veth1"]
    assert frame.reason("interface_state", "veth1") is Reason.NOT_SUPPORTED


def test_a_hostile_name_is_made_safe(fake, network):
    text = (fake.root / "proc/net/dev").read_text()
    fake.write("proc/net/dev", text + "a\x1b[2Jb: 7 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n")
    entity = fake.part(network, NORMAL).frames[0].entities[3]
    assert (entity.name, entity.id) == ("a·[2Jb", "a\\033[2Jb")


def test_protocols_are_found_by_their_heads(fake, network):
    host = fake.part(network, NORMAL).host
    assert host["host_tcp_connections"] == 3
    assert host["host_tcp_retransmits_total"] == 7
    assert host["host_udp_receive_buffer_errors_total"] == 1
    assert host["host_tcp_time_wait"] == 6
    assert host["host_tcp_resets_total"] is Reason.NOT_SUPPORTED


@pytest.mark.parametrize("text", ["", "Tcp: a\n", "Tcp: a\nTcp: x\n", "\n\n"])
def test_garbage_in_snmp_is_a_failure(fake, network, text):
    fake.write("proc/net/snmp", text)
    host = fake.part(network, NORMAL).host
    assert {host[row[0].name] for row in PROTOCOLS if row[1] == "snmp"} == {Reason.FAILED}


def test_garbage_in_dev_leaves_the_interfaces_with_a_reason(fake, network):
    fake.part(network, NORMAL)
    fake.write("proc/net/dev", "garbage\n")
    found = fake.part(network, NORMAL)
    assert found.frames[0].reason("interface_sent_bytes_total", "eth0") is Reason.FAILED
    assert {found.host[metric.name] for metric, _ in SUMS} == {Reason.FAILED}


def test_psutil_sees_the_same_interfaces_on_this_machine():
    reader = HostSource().open()[0]
    before = psutil.net_io_counters(pernic=True, nowrap=False)
    frames = {f.kind: f for f in reader.read(NORMAL, None).frames}
    after = psutil.net_io_counters(pernic=True, nowrap=False)
    reader.close()
    frame = frames[Kind.INTERFACE]
    assert [e.id for e in frame.entities] == list(before)
    theirs = {"bytes_recv": "received_bytes", "packets_sent": "sent_packets"}
    theirs["dropin"] = "received_drops"
    for entity in frame.entities:
        for name, mine in theirs.items():
            value = frame.value(f"interface_{mine}_total", entity.id)
            assert getattr(before[entity.id], name) <= value <= getattr(after[entity.id], name)
