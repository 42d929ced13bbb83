"""The reader of events: XIDs and the like, of all GPUs, out of one queue."""

from collections.abc import Callable, Sequence

from tuimon.drivers.nvml import LOST, Error, Library, reason_of, words_of
from tuimon.drivers.nvml_batches import EventQueue, address
from tuimon.errors import ReadError, Reason
from tuimon.model.metric import Cadence, Kind
from tuimon.model.sample import Event, Reading
from tuimon.model.source import Interest
from tuimon.sources.nvml import words
from tuimon.sources.nvml.readers.device import Device

XID = 0x8
WHOLE = 0xFFFFFFFF
"""The GPU instance of an event that befell the GPU as a whole."""
AT_MOST = 256
"""Events taken at one reading, so that a storm cannot hold the lane."""


class EventReader:
    """Drains the queue and never waits for it. A `Reader`."""

    cadences: Sequence[Cadence] = (Cadence.EVENTS,)
    name = "nvml/events"

    def __init__(
        self, library: Library, devices: Sequence[Device], clock: Callable[[], float]
    ) -> None:
        """Prepare to read.

        Args:
            library: Joined; it is left when the reader is closed.
            devices: All GPUs of the source; those that are attached are listened to.
            clock: Seconds since the epoch.
        """
        self._library = library
        self._devices = devices
        self._clock = clock
        self._queue: EventQueue | None = None
        self._heard: dict[int, str] = {}
        self._deaf: dict[int, str] = {}
        """By index of the GPU: why its events are not told."""

    def read(self, cadence: Cadence, interest: Interest) -> Reading:
        """See `Reader.read`."""
        found: list[Event] = []
        try:
            queue = self._listen()
            while len(found) < AT_MOST and (one := queue.next()) is not None:
                uuid = self._heard.get(one[0])
                if uuid is not None:
                    found.append(self._event(uuid, *one[1:]))
        except Error as error:
            self._drop()
            if error.value not in LOST:
                reason = reason_of(error.value)
                if not found:
                    text = f"events of GPUs are not told: {words_of(error.value)}"
                    raise ReadError(reason, text) from None
        note = "; ".join(
            f"XIDs of GPU {index} are not told: {text}" for index, text in self._deaf.items()
        )
        return Reading(events=tuple(found), note=note)

    def close(self) -> None:
        """See `Reader.close`."""
        self._drop()
        self._library.leave()

    def _listen(self) -> EventQueue:
        """Return the queue, with every GPU registered that is attached by now."""
        if self._queue is None:
            self._queue = EventQueue()
        attached = {address(one.handle): one for one in self._devices if one.handle is not None}
        self._heard = {where: uuid for where, uuid in self._heard.items() if where in attached}
        for where, device in attached.items():
            if where in self._heard:
                continue
            self._deaf.pop(device.index, None)
            try:
                self._queue.register(device.handle, words.EVENTS_WANTED)
            except Error as error:
                if error.value in LOST:  # its own lane says so
                    continue
                reason = reason_of(error.value)
                self._deaf[device.index] = words_of(error.value)
                if reason is not Reason.NOT_SUPPORTED:  # it may pass: tried at the next reading
                    continue
            self._heard[where] = device.uuid
        return self._queue

    def _event(self, uuid: str, bit: int, number: int, instance: int) -> Event:
        name = words.EVENTS.get(bit, f"event_{bit:#x}")
        text = f"XID {number}" if bit == XID else name.replace("_", " ")
        if instance != WHOLE:
            text += f" in GPU instance {instance}"
        return Event(self._clock(), Kind.GPU, uuid, name, number if bit == XID else bit, text)

    def _drop(self) -> None:
        """Give the queue up; a new one is made at the next reading."""
        if self._queue is not None:
            self._queue.close()
        self._queue = None
        self._heard.clear()
        self._deaf.clear()
