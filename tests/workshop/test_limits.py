"""What a learner uses in all: several kernels, many files. Each is limited, and told so."""

import time

from running import Running

from lrcourse.workshop.limits import by_owner, disk_of, kernels_of
from lrcourse.workshop.room import Room


def _until(true, seconds: float = 60):
    end = time.monotonic() + seconds
    while not (value := true()):
        assert time.monotonic() < end, "this did not come about"
        time.sleep(0.2)
    return value


def test_many_files_stop_the_kernels_and_say_so(room: Running, together):
    """Above the share of disk a learner's kernels end, with a sentence on their page; saving goes
    on, and the sentence goes when there is room again."""
    (lea,) = together("lea")
    place = Room(room.folder)
    (kernel,) = kernels_of(place.home("lea"), place.settings(), by_owner())
    lea.run("for i in range(6):\n    with open(f'big{i}', 'wb') as f: f.write(bytes(90 << 20))")
    mine = lambda: lea.ask("GET", "lrcourse/room")["mine"]  # noqa: E731
    assert "Your files hold more than the 500 MiB" in _until(mine)
    _until(lambda: not kernel.is_running() or kernel.status() == "zombie")
    about = {"type": "file", "format": "text", "content": "x"}
    lea.ask("PUT", "api/contents/small.txt", json=about)
    for number in range(6):
        lea.ask("DELETE", f"api/contents/big{number}")
    _until(lambda: not mine())


def test_a_folder_is_counted_without_its_links(tmp_path):
    """Links are not followed, and counting ends where it is enough."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file").write_bytes(b"x" * 8192)
    (tmp_path / "a" / "round").symlink_to(tmp_path)
    assert 8192 <= disk_of(tmp_path, 1 << 30) < 40_000
    assert disk_of(tmp_path, 10) < 40_000
