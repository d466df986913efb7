"""What the learner did is kept: over restarts, two notebooks at once, damage and crashes."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lrcourse import memory


def python(code: str, *arguments: object) -> subprocess.Popen:
    """Another process that runs `code`; it has the LRCOURSE_HOME of the test."""
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)])


def test_another_process_recalls_what_one_remembered():
    """What is remembered survives the end of the kernel."""
    code = "from lrcourse.memory import remember; remember('quiz', 'steps', {'first': 'één'})"
    assert python(code).wait(60) == 0

    assert memory.recall("quiz", "steps") == {"first": "één"}


def test_nothing_is_recalled_before_something_was_remembered():
    """Recalling what was never kept gives the default, and leaves no file behind."""
    assert memory.recall("quiz", "steps") is None
    assert memory.recall("quiz", "steps", 7) == 7
    assert list(memory.home().glob("*")) == []


def test_a_new_value_takes_the_place_of_the_old_one_and_of_no_other():
    """Keys and kinds do not disturb each other."""
    memory.remember("quiz", "a", 1)
    memory.remember("quiz", "b", 2)
    memory.remember("draw", "a", 3)
    memory.remember("quiz", "a", 4)

    assert [memory.recall(*at) for at in (("quiz", "a"), ("quiz", "b"), ("draw", "a"))] == [4, 2, 3]


def test_processes_that_write_at_once_lose_nothing():
    """Four kernels that keep writing at the same time: every answer of each is there."""
    code = (
        "import sys; from lrcourse.memory import remember\n"
        "for i in range(25): remember('quiz', f'{sys.argv[1]}-{i}', i)"
    )
    writers = [python(code, name) for name in "abcd"]

    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    kept = {(name, i): memory.recall("quiz", f"{name}-{i}") for name in "abcd" for i in range(25)}
    assert kept == {(name, i): i for name, i in kept}


def test_a_killed_writer_leaves_a_whole_file_and_no_lock():
    """A kernel that dies while it writes costs at most its last answer."""
    code = (
        "from lrcourse.memory import remember\n"
        "for i in range(10**9): remember('quiz', 'k', [i] * 20000)"
    )
    for _ in range(3):
        writer = python(code)
        end = time.monotonic() + 120
        before = memory.recall("quiz", "k")
        while memory.recall("quiz", "k") == before and time.monotonic() < end:
            time.sleep(0.01)
        writer.kill()
        writer.wait(60)

        kept = memory.recall("quiz", "k")
        assert len(kept) == 20000 and len(set(kept)) == 1
        memory.remember("quiz", "after", 1)
        assert memory.recall("quiz", "after") == 1


def test_until_the_last_moment_the_old_file_is_whole():
    """A kernel that dies just before the new file takes the place of the old one changes nothing."""
    memory.remember("quiz", "k", "old")
    code = (
        "import os; from lrcourse.memory import remember\n"
        "os.replace = lambda new, old: os._exit(9)\n"
        "remember('quiz', 'k', 'new')"
    )
    assert python(code).wait(60) == 9

    assert memory.recall("quiz", "k") == "old"
    memory.remember("quiz", "k", "newer")
    assert memory.recall("quiz", "k") == "newer"


@pytest.mark.parametrize(
    "damaged", [b"", b'{"quiz": ', b"\xff\xfe\x00", b"[1, 2]", b'{"quiz": 3}', b"null"]
)
def test_a_damaged_file_is_set_aside_whole_and_said(damaged):
    """Nothing that the learner had is thrown away, and they are told where it is."""
    memory.remember("quiz", "a", 1)
    (memory.home() / "memory.json").write_bytes(damaged)

    with pytest.warns(UserWarning, match=r"set aside as .*memory\.damaged"):
        assert memory.recall("quiz", "a", "none") == "none"

    [aside] = memory.home().glob("memory.damaged-*.json")
    assert aside.read_bytes() == damaged
    memory.remember("quiz", "a", 2)
    assert memory.recall("quiz", "a") == 2


@pytest.mark.parametrize(
    "value", [float("nan"), {1, 2}, object(), (1, 2), {3: "key"}, {"x": float("inf")}]
)
def test_what_would_not_come_back_is_refused_and_the_rest_kept(value):
    """A value that JSON would lose or change is refused at once, with what to do."""
    memory.remember("quiz", "a", 1)
    with pytest.raises(ValueError, match="JSON"):
        memory.remember("quiz", "a", value)

    assert memory.recall("quiz", "a") == 1


@pytest.mark.parametrize(("kind", "key"), [("", "a"), ("quiz", ""), (None, "a"), ("quiz", 3)])
def test_a_kind_and_a_key_are_words(kind, key):
    """Kinds and keys that JSON would turn into something else are refused."""
    with pytest.raises(ValueError, match="must be a text"):
        memory.remember(kind, key, 1)


def test_forget_forgets_as_much_as_it_is_told():
    """One key, one kind, or everything."""
    for kind, key in (("quiz", "a"), ("quiz", "b"), ("draw", "a"), ("choose", "a")):
        memory.remember(kind, key, 1)
    kept = lambda: json.loads((memory.home() / "memory.json").read_text())  # noqa: E731

    memory.forget("quiz", "a")
    assert kept() == {"quiz": {"b": 1}, "draw": {"a": 1}, "choose": {"a": 1}}
    memory.forget("draw")
    assert kept() == {"quiz": {"b": 1}, "choose": {"a": 1}}
    memory.forget()
    assert kept() == {}
    with pytest.raises(ValueError, match="kind"):
        memory.forget(key="a")


def test_the_folder_is_the_named_one_or_in_the_home_folder(monkeypatch, tmp_path):
    """LRCOURSE_HOME names the folder; without it, .lrcourse in the home folder."""
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path / "mine"))
    assert memory.home() == tmp_path / "mine"
    monkeypatch.delenv("LRCOURSE_HOME")
    assert memory.home() == Path.home() / ".lrcourse"


def test_importing_it_loads_no_widgets():
    """Checks and command lines use the memory without paying for widgets."""
    code = (
        "import sys, lrcourse.memory\n"
        "heavy = {'ipywidgets', 'anywidget', 'torch', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    assert python(code).wait(60) == 0
