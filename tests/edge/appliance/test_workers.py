"""A worker does one thing at a time, reports if it is stuck, and never blocks an exit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import weakref

import pytest

from edge.appliance.workers import Worker

LEAVE = """
import asyncio, threading
from edge.appliance.workers import Worker

async def main():
    worker = Worker("stuck", 1.0)
    asyncio.get_running_loop().create_task(worker.run(threading.Event().wait))
    await asyncio.sleep(0.05)
    worker.close()

asyncio.run(main())
print("left")
"""


def test_results_and_errors_come_back_to_the_loop():
    async def main() -> None:
        worker = Worker("worker", 10.0)
        assert await worker.run(threading.get_ident) != threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await worker.run(lambda: 1 / 0)
        assert await asyncio.gather(*(worker.run(lambda n=n: n) for n in range(5))) == [*range(5)]
        worker.close()

    asyncio.run(main())


def test_a_worker_that_waits_holds_nothing_of_its_last_job():
    class Large:
        """Represents a model with all its bytes."""

    async def main() -> weakref.ref[Large]:
        worker = Worker("worker", 10.0)
        seen = weakref.ref(await worker.run(Large))
        # Its thread has delivered the result before it lets go: a moment later it waits again.
        while seen() is not None:
            await asyncio.sleep(0.01)
        worker.close()
        return seen

    assert asyncio.run(asyncio.wait_for(main(), 10.0))() is None


def test_a_worker_busy_with_one_thing_for_too_long_is_stuck():
    async def main() -> None:
        worker, let_go = Worker("worker", 0.05), threading.Event()
        assert worker.is_fresh()
        job = asyncio.create_task(worker.run(let_go.wait))
        while worker.is_fresh():
            await asyncio.sleep(0.01)
        let_go.set()
        assert await job
        assert worker.is_fresh()
        worker.close()

    asyncio.run(main())


def test_a_long_job_is_believed_while_it_shows_signs_of_life():
    async def main() -> None:
        worker, alive, silent, end = Worker("worker", 0.05), *(threading.Event() for _ in "123")

        def job() -> None:
            alive.wait()
            while not silent.wait(0.001):
                worker.show_life()
            end.wait()

        running = asyncio.create_task(worker.run(job))
        while worker.is_fresh():
            await asyncio.sleep(0.01)
        alive.set()
        while not worker.is_fresh():
            await asyncio.sleep(0.01)
        silent.set()
        while worker.is_fresh():
            await asyncio.sleep(0.01)
        end.set()
        await running
        worker.close()

    asyncio.run(main())


def test_a_heartbeat_of_an_unknown_worker_makes_none_busy():
    worker = Worker("worker", 0.0)
    worker.show_life()
    assert worker.is_fresh()
    worker.close()


def test_a_job_that_never_ends_does_not_block_the_exit():
    done = subprocess.run(
        [sys.executable, "-c", LEAVE], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "left\n"
    assert done.stderr == ""
