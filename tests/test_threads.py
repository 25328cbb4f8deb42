"""Threads and signals: one inventory for all threads, the interpreter free during a search, Ctrl-C ends it."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import gpualloc as ga
from cluster import Json, claim, device_class, node, resource_slice

ENDLESS = 1 << 62


def hard() -> tuple[ga.Inventory, list[Json]]:
    """Far more ways to fail than anyone can wait for: many single requests, the last of which nothing can serve.

    A later claim would fail with an error if the search ever got there, so no shortcut is allowed.
    """
    documents = [node("a"), device_class(), resource_slice("a", 24)]
    wanted = claim("hard")
    many = [{"name": f"r{index}", "exactly": {"deviceClassName": "gpu.example.com"}} for index in range(25)]
    wanted["spec"]["devices"]["requests"] = many
    failing = claim("failing", selectors=[{"cel": {"expression": "device.attributes['x'].none == 1"}}])
    return ga.Inventory.from_documents(documents), [wanted, failing]


def test_shared_inventory(inventory: ga.Inventory) -> None:
    expected = inventory.allocate("team/two")

    def work(number: int) -> ga.Inventory:
        answer = inventory.allocate("team/two")
        assert answer == expected
        return inventory.commit(answer).update(node(f"n{number}"))

    with ThreadPoolExecutor(4) as pool:
        after = list(pool.map(work, range(64)))
    assert [one.nodes[-1] for one in after] == [f"n{number}" for number in range(64)]
    assert inventory.held_claims == ()


def test_interpreter_is_free_during_a_search() -> None:
    inventory, wanted = hard()
    ended = threading.Event()

    def search() -> None:
        inventory.allocate(wanted, max_steps=300_000)
        ended.set()

    thread = threading.Thread(target=search)
    thread.start()
    turns = 0
    while not ended.is_set():
        turns += 1
        time.sleep(0.001)
    thread.join()
    assert turns > 1


@pytest.mark.parallel_threads(1)
@pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")
def test_ctrl_c_ends_a_search() -> None:
    inventory, wanted = hard()
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        inventory.allocate(wanted, max_steps=ENDLESS)
    timer.join()
    # One signal ends all searches of a call.
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        inventory.allocate_many([wanted] * 3, max_steps=ENDLESS)
    timer.join()
    # Generous: what counts is that it ends.
    assert time.monotonic() - begun < 30


def test_budget_ends_a_search() -> None:
    inventory, wanted = hard()
    answer = inventory.allocate(wanted, max_steps=10_000)
    assert (answer.outcome, answer.steps) == ("undecided", 10_000)
