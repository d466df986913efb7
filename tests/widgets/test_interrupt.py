"""Interrupting a real kernel ends what trains in it, between cells and within one."""

import pytest
from jupyter_client.manager import start_new_kernel

MAKE = """from lrcourse import CosineAnnealing, explore
e = explore(CosineAnnealing(T_max=9000), task="digits", steps=9000)"""
STATE = "(e._job.stop.is_set(), e.trained['n'])"
WAIT = "e.wait(120)"


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


def test_within_a_cell(kernel):
    """An interrupt of the cell that waits ends the training, too."""
    manager, client = kernel
    answer(client, MAKE)
    # After an error the kernel aborts what comes next, for a moment, unless it is asked not to.
    client.execute("print('begun', flush=True)\ne.wait()", stop_on_error=False)
    while client.get_iopub_msg(timeout=60)["content"].get("text") != "begun\n":
        pass
    manager.interrupt_kernel()
    assert client.get_shell_msg(timeout=60)["content"]["ename"] == "KeyboardInterrupt"

    assert answer(client, WAIT, STATE) == "(True, 0)"
