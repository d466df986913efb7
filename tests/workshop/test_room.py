"""A small real room: who comes in, what they find, and what happens when something dies."""

import asyncio
import json
import re
import signal
import stat
import time

import pytest
from learner import Learner, Refused
from running import Running


def test_three_come_in_at_once_and_each_runs_a_cell(together):
    """Three learners log in at the same moment; each has a kernel with the course in it."""
    for seat in together("ada", "bob", "cem"):
        assert (
            seat.run("import torch, lrcourse; lrcourse.StepDecay()(30)") == "0.010000000000000002"
        )


def test_each_has_a_copy_of_their_own(room: Running, together):
    """What one learner writes into a lesson is in nobody else's copy, nor in the course's."""
    ada, bob = together("ada", "bob")
    ada.run("open('01_step_decay.ipynb', 'a').write(' ')")
    sizes = [seat.run("import os; os.path.getsize('01_step_decay.ipynb')") for seat in (ada, bob)]
    assert int(sizes[0]) == int(sizes[1]) + 1


def test_forks_do_not_share_their_luck(together):
    """Two learners' random numbers differ, from Python, NumPy and PyTorch alike."""
    code = "import random, numpy, torch; [random.random(), float(numpy.random.rand()), torch.rand(1).item()]"
    ada, bob = (json.loads(seat.run(code)) for seat in together("ada", "bob"))
    assert all(a != b for a, b in zip(ada, bob))


def test_lessons_are_trusted_as_handed_out(together):
    """A notebook of the course shows its stored HTML before it was run."""
    (cem,) = together("cem")
    code = "from nbformat.sign import NotebookNotary; import nbformat"
    cem.run(code)
    assert (
        cem.run("NotebookNotary().check_signature(nbformat.read('02_exponential_decay.ipynb', 4))")
        == "True"
    )


def test_the_page_shows_no_button_that_the_room_has_nothing_behind(together):
    """What else this machine has for JupyterLab (here nbgrader, jupytext) is not on the page."""
    (cem,) = together("cem")
    page = cem.wait(cem.learner.page())
    config = page.split('id="jupyter-config-data" type="application/json">')[1]
    names = {
        one["name"] for one in json.loads(config.split("</script>")[0])["federated_extensions"]
    }
    assert {"lrcourse-room", "anywidget", "@jupyter-widgets/jupyterlab-manager"} <= names
    assert not {"@jupyter/nbgrader", "jupyterlab-jupytext"} & names


def test_what_is_the_same_for_all_comes_packed_and_asks_no_server(room: Running, together):
    """JupyterLab's own files come while the learner's server rests; anything else is asked of it."""
    (cem,) = together("cem")
    page = cem.wait(cem.learner.page())
    place, version = re.search(
        r'src="(/user/cem/static/lab/main\.\w+\.js)\?v=(\w+)"', page
    ).groups()

    async def get(place: str) -> tuple[int, str, bytes]:
        async with cem.learner.http.get(room.url + place) as answer:
            return answer.status, answer.headers.get("Content-Encoding", ""), await answer.read()

    status, _, asked = cem.wait(get(place))
    server = next(p for p in room.processes() if _is(p, room, "cem") and "servers" in p.cmdline())
    server.suspend()
    try:
        assert cem.wait(get(f"{place}?v={version}")) == (200, "gzip", asked)
    finally:
        server.resume()
    assert status == 200 and len(asked) > 10_000
    for name in ("none.0.js", "..%2fpackage.0.json"):
        assert cem.wait(get(f"/user/cem/static/lab/{name}?v=0"))[0] in (403, 404)


def test_the_hub_folder_is_closed(room: Running, together):
    """The hub's folder is 0700, each learner's home too, and each secret 0600 without a newline."""
    together("ada")
    for folder in (room.folder / "hub", room.folder / "learners" / "ada"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for secret in (room.folder / "hub").glob("*.secret"):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert not secret.read_bytes().endswith(b"\n")


# Who comes in


def _says(
    room: Running, loop: asyncio.AbstractEventLoop, name: str, password: str, pin: str
) -> str:
    async def log_in() -> str:
        async with Learner(room.url, name, password, pin) as learner:
            try:
                await learner.log_in()
            except Refused as refused:
                return str(refused)
            return "in"

    return loop.run_until_complete(log_in())


def test_the_first_use_of_a_name_sets_its_pin(room: Running, loop):
    """With the class password alone nobody gets in under a name that has a PIN."""
    assert _says(room, loop, "dora", room.password, "1234") == "in"
    assert "not the PIN of dora" in _says(room, loop, "dora", room.password, "4321")
    assert _says(room, loop, " Dora ", room.password, "1234") == "in"  # the same name


@pytest.mark.parametrize(
    ("name", "password", "pin", "says"),
    [
        ("eve", "wrong", "1234", "not the class password"),
        ("eve", "", "1234", "not the class password"),
        ("eve", "pässwort", "1234", "not the class password"),
        ("eve", None, "12", "at least 4"),
        ("../hub", None, "1234", "cannot be a name"),
        ("", None, "1234", "cannot be a name"),
        ("x" * 40, None, "1234", "cannot be a name"),
        ("instructor", None, "1234", "not the instructor"),
    ],
)
def test_who_is_not_let_in_is_told_why(room: Running, loop, name, password, pin, says):
    """The login page says in a sentence what is wrong; nothing falls over."""
    said = _says(room, loop, name, room.password if password is None else password, pin)
    assert said.startswith("403") and says in said


def test_a_pin_cannot_be_tried_through(room: Running, loop):
    """After five wrong PINs a name rests for a minute, even for the right one."""
    assert _says(room, loop, "frank", room.password, "9999") == "in"
    for number in range(5):
        _says(room, loop, "frank", room.password, f"000{number}")
    assert "too many wrong tries" in _says(room, loop, "frank", room.password, "9999").lower()


def test_names_are_taken_as_people_type_them(room: Running, loop):
    """Accents, capitals and spaces in a name are no obstacle."""
    assert _says(room, loop, "José Álvarez", room.password, "1234") == "in"


def test_the_password_is_on_the_join_page_for_who_has_the_key(room: Running, loop):
    """The join page shows address and QR code to all, the class password only with the key."""

    async def pages() -> list[str]:
        async with Learner(room.url, "x", "") as someone:
            texts = []
            for path in ("join", f"join/key/{'0' * 64}", f"join/key/{room.secret('join_key')}"):
                async with someone.http.get(f"{room.url}/hub/{path}") as answer:
                    texts.append(await answer.text())
            return texts

    without, wrong, with_key = loop.run_until_complete(pages())
    assert room.password in with_key
    assert room.password not in without and room.password not in wrong
    for page in (without, with_key):
        assert room.url in page and "<svg" in page


def test_the_join_page_tests_the_websocket(room: Running, loop):
    """The echo that the page's test asks for answers, through the proxy."""

    async def echo() -> str:
        url = f"{room.url}/hub/join/echo"
        async with Learner(room.url, "x", "") as someone, someone.http.ws_connect(url) as socket:
            await socket.send_str("hello")
            return (await socket.receive()).data

    assert loop.run_until_complete(echo()) == "hello"


# When something dies


def _until(true, seconds: float = 60):
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "this did not come about"
        time.sleep(0.1)
    return value


def _gone_and_back(room: Running, name: str) -> None:
    old = room.child(name)
    old.send_signal(signal.SIGKILL)
    _until(lambda: _new(room, name, old.pid))


def _new(room: Running, name: str, old: int) -> bool:
    try:
        return room.child(name).pid != old
    except LookupError:
        return False


def test_a_kernel_that_dies_in_a_cell_is_started_again(together):
    """A cell that ends its own kernel costs its variables; the next cell runs."""
    (cem,) = together("cem")
    old = cem.run("import os; os.getpid()")
    cem.wait(
        cem.kernel.send("execute_request", {"code": "os.kill(os.getpid(), 9)", "silent": False})
    )

    async def restarted() -> None:
        while True:
            message = await cem.kernel.receive()
            if message["content"].get("execution_state") == "restarting":
                return

    cem.wait(asyncio.wait_for(restarted(), 60))
    cem.connect()
    cem.wait(cem.kernel.heard())  # as a page of JupyterLab waits; the server does not always
    assert cem.run("import os; os.getpid()") != old


def test_nobody_is_turned_away_while_the_proxy_is_started_again(room: Running, together):
    """What is asked for while there is no proxy waits for it, and is answered without the hub; the
    kernel has its variables."""
    (bob,) = together("bob")
    bob.run("kept = 42")
    hub, dying = room.child("hub"), room.child("proxy")
    hub.suspend()
    try:
        dying.kill()
        dying.wait(60)
        assert bob.ask("GET", "api/status")
        bob.connect()
        assert bob.run("kept") == "42"
    finally:
        hub.resume()


def test_a_hub_that_dies_finds_the_servers_again(room: Running, together):
    """The hub's end stops no cell; when it is back, the same server still serves."""
    (bob,) = together("bob")
    bob.run("kept = 43")
    _gone_and_back(room, "hub")
    assert bob.run("kept") == "43"

    def welcome() -> bool:
        try:
            bob.wait(bob.learner.page())
            return True
        except Exception:
            return False

    _until(welcome)
    assert bob.run("kept") == "43"


def test_warm_processes_that_die_are_started_again(room: Running, together):
    """Who is there works on; who opens a notebook afterwards gets a kernel."""
    (bob,) = together("bob")
    for name in ("kernels", "servers"):
        _gone_and_back(room, name)
    assert bob.run("1 + 1") == "2"
    kernel = bob.wait(bob.learner.start_kernel("03_cosine_annealing.ipynb"))
    assert bob.wait(kernel.run("2 + 2")) == "4"


def test_a_server_that_dies_takes_its_kernels_along_and_comes_back(room: Running, together):
    """A learner whose server ended logs in again: files are there, no kernel was left behind."""
    (cem,) = together("cem")
    cem.run("open('kept.txt', 'w').write('kept')")
    mine = [p for p in room.processes() if _is(p, room, "cem")]
    server = next(p for p in mine if "servers" in p.cmdline())
    server.kill()
    _until(lambda: not any(p.is_running() and p.status() != "zombie" for p in mine))

    def back() -> bool:
        try:
            cem.again()
            return True
        except Exception:
            return False

    _until(back)
    assert cem.run("open('kept.txt').read()") == "'kept'"


def _is(process, room: Running, name: str) -> bool:
    try:
        return process.cwd().startswith(str(room.folder / "learners" / name))
    except Exception:
        return False


# Memory and disk


def test_a_cell_that_wants_too_much_memory_is_told_so(together):
    """The cell ends with an error and a sentence; the kernel lives."""
    (ada,) = together("ada")
    for code in ("b'x' * (3 << 30)", "import torch; torch.ones(3 << 28)"):
        with pytest.raises(Refused, match="memory that each learner has in this room"):
            ada.run(code)
    assert ada.run("1 + 1") == "2"


def test_a_file_that_is_too_large_is_told_so(together):
    """One file cannot fill the disk: the write ends with an error and a sentence."""
    (ada,) = together("ada")
    with pytest.raises(Refused, match="disk space that each learner has in this room"):
        ada.run(
            "import os; f = os.open('big', os.O_CREAT | os.O_WRONLY); os.truncate(f, 600 << 20)"
        )
    assert ada.run("1 + 1") == "2"
