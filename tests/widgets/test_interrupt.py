"""Interrupting a real kernel ends what trains in it, between cells and within one."""

import pytest
from jupyter_client.manager import start_new_kernel

MAKE = """from lrcourse import CosineAnnealing, explore
e = explore(CosineAnnealing(T_max=9000), task="digits", steps=9000)"""
STATE = "(e._job.stop.is_set(), e.trained['n'])"
WAIT = "e.wait(120)"
LATE = "[print('begun', flush=True), __import__('time').sleep(60)]"


@pytest.fixture(scope="module")
def kernel():
    """A kernel of its own, as Jupyter starts it: manager and client."""
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def answer(client, code, expression="None"):
    """What an expression is after some code; the name of the error if there was one."""
    asked = {"code": code, "user_expressions": {"said": expression}, "reply": True}
    content = client.execute(**asked, silent=True, timeout=200)["content"]
    if content["status"] == "error":
        return content["ename"]
    return content["user_expressions"]["said"]["data"]["text/plain"]


def test_between_cells(kernel):
    """While no cell runs, an interrupt ends the training; the kernel goes on."""
    manager, client = kernel
    answer(client, MAKE)
    assert answer(client, "import time; time.sleep(0.5)", STATE) == "(False, 0)"
    manager.interrupt_kernel()

    assert answer(client, WAIT, STATE) == "(True, 0)"


def after_begun(kernel, code, **asked):
    """The answer to a cell that is interrupted once it prints "begun"."""
    manager, client = kernel
    # After an error the kernel aborts what comes next, for a moment, unless it is asked not to.
    client.execute(code, stop_on_error=False, **asked)
    while client.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
        pass
    manager.interrupt_kernel()
    return client.get_shell_msg(timeout=60)["content"]


@pytest.mark.parametrize(
    "cell, error",
    [
        ("e.wait()", "KeyboardInterrupt"),
        # Of short pieces: ipykernel cancels it no sooner than something else wakes its loop.
        ("while True: await __import__('asyncio').sleep(0.1)", "CancelledError"),
    ],
    ids=["waits", "awaits"],
)
def test_within_a_cell(kernel, cell, error):
    """An interrupt of the cell that waits ends the training, too."""
    answer(kernel[1], MAKE)
    assert after_begun(kernel, f"print('begun', flush=True)\n{cell}")["ename"] == error

    assert answer(kernel[1], WAIT, STATE) == "(True, 0)"


def test_after_a_cell_before_its_answer(kernel):
    """An interrupt ends the training while the kernel still answers for a cell that has run."""
    answer(kernel[1], MAKE)
    after_begun(kernel, "pass", user_expressions={"late": LATE})

    assert answer(kernel[1], WAIT, STATE) == "(True, 0)"


def test_in_the_cell_that_makes_the_first(kernel):
    """An interrupt after the first picture is made, in the same cell, is heard as well."""
    manager, client = kernel
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=60)
    after_begun(kernel, MAKE, user_expressions={"late": LATE})

    assert answer(client, WAIT, STATE) == "(True, 0)"
