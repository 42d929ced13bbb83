"""The app without an engine: States are posted by hand, the session writes down what it is told."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.events import Key

from tuimon.model.check import Check
from tuimon.model.source import NO_INTEREST
from tuimon.surfaces import themes
from tuimon.surfaces.frames.view import View
from tuimon.surfaces.tui.app import TuimonApp


class HandSession:
    """A session that yields the States it is given."""

    def __init__(self) -> None:
        self.interval = 1.0
        self.interest = NO_INTEREST
        self.asked = 0
        self.told = [Check("driver", ok=False, text="it is not loaded", advice="modprobe nvidia")]
        self.queue: asyncio.Queue = asyncio.Queue()

    def pace(self, interval):
        self.interval = min(max(interval, 0.1), 3600)
        return self.interval

    def watch(self, interest):
        self.interest = interest

    async def checks(self):
        self.asked += 1
        return self.told

    async def states(self):
        while (state := await self.queue.get()) is not None:
            if isinstance(state, BaseException):
                raise state
            yield state


class Screen:
    """An app under test, with a pilot."""

    def __init__(self, app, pilot, session) -> None:
        self.app, self.pilot, self.session = app, pilot, session

    async def tick(self, state):
        """Show a State."""
        self.session.queue.put_nowait(state)
        await self.settle()

    async def settle(self):
        for _ in range(4):
            await self.pilot.pause(0)

    async def press(self, *keys):
        for key in keys:
            self.app._driver.send_message(Key(key, None))
            await self.pilot.pause(0)
        await self.settle()

    async def resize(self, width, height):
        await self.pilot.resize_terminal(width, height)
        await self.settle()

    @property
    def view(self):
        return self.app._overview.view

    @property
    def lines(self):
        """What is on the screen, as the compositor has it."""
        return [
            "".join(segment.text for segment in strip).ljust(self.app.size.width)
            for strip in self.app.screen._compositor.render_strips()
        ]

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def selected(self):
        """Texts that are drawn as the cursor's row."""
        style = self.app._styles["selected"]
        return [
            "".join(segment.text for segment in strip)
            for strip in self.app.screen._compositor.render_strips()
            if any(segment.style == style for segment in strip)
        ]


@pytest.fixture
def opened():
    """Return a context that runs the app: `async with opened(state) as screen`."""

    @asynccontextmanager
    async def run(*states, size=(120, 36), view=None, theme="tuimon", app=TuimonApp):
        session = HandSession()
        view = view or View(user="alice")
        made = app(session, view, themes.load(theme))
        async with made.run_test(size=size) as pilot:
            screen = Screen(made, pilot, session)
            await screen.settle()
            for state in states:
                await screen.tick(state)
            yield screen

    return run


@pytest.fixture
def steps(machine):
    """Return some States of one machine with another tick number each."""
    return [replace(state, tick=tick) for tick, state in enumerate(machine.states(8)[-6:], 1)]
