"""The board: instructors see the room and steer it; a learner can forge only their own row."""

import asyncio
import json
import os
import time

import pytest
from learner import EVENTS, Learner
from running import Running
from seat import Seat

from lrcourse.workshop.board import tally
from lrcourse.workshop.board.looking import Memories, read_inside, write_inside

KEY = "exponential_decay"  # of test_pages is "step_decay": an answer that is open stays open
VOTE = """
import lrcourse
vote = lrcourse.choose("exponential_decay")
vote.choose({!r})
vote.commit()
print(vote.state["says"])
"""
ANSWER, OTHER = "steep, then flat", "a straight line"


class Instructor(Learner):
    """The instructor's browser, on the board."""

    async def open_board(self) -> str:
        await self.log_in()
        text, _ = await self._get(f"{self.room}/services/board/")
        self.xsrf = text.split('data-xsrf="')[1].split('"')[0]
        return text

    async def act(self, action: str, **value) -> tuple[int, str]:
        async with self.http.post(
            f"{self.room}/services/board/do/{action}",
            json=value,
            headers={"X-XSRFToken": self.xsrf},
        ) as answer:
            return answer.status, (await answer.json())["says"]

    async def until(self, true, seconds: float = 20) -> dict:
        """The first state of the board for which `true` holds."""
        async with asyncio.timeout(seconds):
            url = f"{self.room}/services/board/events"
            async with self.http.get(url, headers=EVENTS) as events:
                async for line in events.content:
                    if line.startswith(b"data: ") and true(state := json.loads(line[6:])):
                        return state
        raise AssertionError("the events ended")


@pytest.fixture(scope="module")
def instructor(room: Running, loop):
    async def come() -> Instructor:
        secret = room.secret("instructor_password")
        one = await Instructor(room.url, "instructor", secret, "").__aenter__()
        await one.open_board()
        return one

    one = loop.run_until_complete(come())
    yield one
    loop.run_until_complete(one.__aexit__(None, None, None))


def of(state: dict, key: str = KEY) -> dict:
    return next(one for one in state["predictions"] if one["key"] == key)


def test_a_room_votes_talks_and_votes_again(loop, instructor: Instructor, together):
    """First votes, the advice, second votes, the answer: each reaches the board and the learners."""
    seats: list[Seat] = together("ada", "bob", "cem")
    for seat, guess in zip(seats, (ANSWER, OTHER, OTHER)):
        assert "the room will see it" in seat.run(VOTE.format(guess))

    voted = of(loop.run_until_complete(instructor.until(lambda s: of(s)["voted"][0] == 3)))
    counts = dict(zip(voted["names"], voted["votes"][0]))
    assert (counts[ANSWER], counts[OTHER]) == (1, 2)
    assert voted["advice"] == tally.ADVICE["explain"] and voted["answer"] is None

    assert loop.run_until_complete(instructor.act("phase", key=KEY, phase="second"))[0] == 200
    for seat in seats:
        seat.run("import time\nwhile vote.state.get('waiting'): time.sleep(0.05)")
        seat.run(f"vote.choose({ANSWER!r}); vote.commit()")
    voted = of(loop.run_until_complete(instructor.until(lambda s: of(s)["voted"][1] == 3)))
    assert dict(zip(voted["names"], voted["votes"][1]))[ANSWER] == 3
    assert sum(voted["votes"][0]) == 3  # the first votes are kept

    loop.run_until_complete(instructor.act("phase", key=KEY, phase="open"))
    for seat in seats:
        assert (
            seat.run(
                "while vote.state.get('waiting'): time.sleep(0.05)\nprint(vote.state['right'])"
            )
            == "True"
        )


def test_a_guess_is_on_the_board_within_a_second(loop, instructor: Instructor, together):
    """From the commit to the page it takes less than a second, the machine's load aside."""
    (ada,) = together("ada")
    ada.run("import lrcourse, time\nlate = lrcourse.choose('cosine_annealing')")
    name = ada.run("print(next(iter(late._curves)))")

    async def both() -> float:
        waiting = asyncio.ensure_future(
            instructor.until(lambda s: of(s, "cosine_annealing")["voted"][0] == 1)
        )
        await asyncio.sleep(1)
        sent = float(
            await ada.kernel.run(f"late.choose({name!r}); late.commit(); print(time.time())")
        )
        await waiting
        return time.time() - sent

    assert loop.run_until_complete(both()) < 1 + os.getloadavg()[0] / 2


def test_the_board_knows_who_is_where(loop, instructor: Instructor, together):
    """Learners with a server are on, with the notebook that they have open."""
    together("ada", "bob")
    state = loop.run_until_complete(
        instructor.until(
            lambda s: all("01_step_decay.ipynb" in row(s, n)["notebooks"] for n in ("ada", "bob"))
        )
    )
    assert row(state, "ada")["on"]


def row(state: dict, name: str) -> dict:
    return next(
        (one for one in state["learners"] if one["name"] == name), {"notebooks": [], "sticky": ""}
    )


def test_i_am_stuck_reaches_the_board_and_a_message_everybody(loop, instructor, together):
    """The learner's note is on the board; the instructor's sentence comes to each server."""
    (bob,) = together("bob")
    bob.ask("POST", "lrcourse/room", json={"sticky": "stuck"})
    loop.run_until_complete(instructor.until(lambda s: row(s, "bob")["sticky"] == "stuck"))
    loop.run_until_complete(instructor.act("message", text="Back at <b>ten</b>"))
    assert bob.ask("GET", "lrcourse/room")["message"] == "Back at <b>ten</b>"


def test_sheets_are_collected_marked_and_handed_back(loop, room: Running, instructor, together):
    """What is collected is a folder for `lrcourse grade`; its pages come back to each learner."""
    from lrcourse.grading.submissions import find_submissions

    (ada,) = together("ada")
    status, says = loop.run_until_complete(instructor.act("collect"))
    assert status == 200 and "lrcourse grade" in says
    folder = next((room.folder / "collected").iterdir())
    found = find_submissions(folder)
    assert {("ada", "step_decay")} <= {(one.learner, one.sheet) for one in found}

    from lrcourse.grading.learners import Learner as Marked

    pages = folder.with_name(f"{folder.name}-marked") / "feedback"
    pages.mkdir(parents=True)
    (pages / Marked("ada").place).write_text("well done")
    assert loop.run_until_complete(instructor.act("hand_back"))[0] == 200
    assert ada.run("open('feedback/feedback.html').read()") == "'well done'"


def test_a_pin_is_reset_from_the_board(loop, room: Running, instructor, together):
    """After a reset the next login under the name sets a new PIN."""

    async def log_in(pin: str) -> bool:
        async with Learner(room.url, "gail", room.password, pin) as gail:
            try:
                await gail.log_in()
            except RuntimeError:
                return False
            return True

    assert loop.run_until_complete(log_in("1111"))
    assert not loop.run_until_complete(log_in("2222"))
    loop.run_until_complete(instructor.act("reset_pin", name="gail"))
    assert loop.run_until_complete(log_in("2222"))


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("phase", {"key": KEY, "phase": "wide"}),
        ("phase", {"key": 3, "phase": "open"}),
        ("reset_pin", {"name": "../settings"}),
        ("message", {"text": ["x"]}),
        ("message", {}),
        ("delete", {}),
    ],
)
def test_the_board_refuses_what_cannot_be_in_a_sentence(loop, instructor, action, value):
    """A bad request is a 400 with a sentence."""
    status, says = loop.run_until_complete(instructor.act(action, **value))
    assert status == 400 and says


def test_learners_do_not_steer(loop, together):
    """A learner gets a 403 from page, events and every action."""
    (ada,) = together("ada")
    board = f"{ada.learner.room}/services/board/"

    async def status(method: str, place: str) -> int:
        async with ada.learner.http.request(method, board + place) as answer:
            return answer.status

    assert [loop.run_until_complete(status("GET", place)) for place in ("", "events")] == [403, 403]
    assert loop.run_until_complete(status("POST", "do/message")) == 403


# Memories of every kind


@pytest.mark.parametrize(
    "memory",
    [
        "not json",
        "[" * 100_000,
        '{"votes": 3, "exercises": [], "room": "x", "quiz": null}',
        '{"votes": {"step_decay": {"first": "<script>alert(1)</script>", "second": [[1, 2]]}}}',
        '{"votes": {"step_decay": {"first": [[NaN, 1], [1, Infinity]]}}}',
        '{"exercises": {"step_decay.1": {"points": "9", "tries": 1e99, "last": 3}}}',
        '{"exercises": {"step_decay.1": {"points": 1, "tries": 3, "last": "9999-99-99"}}}',
        '{"quiz": {"step_decay": {"x": 1}}, "room": {"sticky": {"says": ["stuck"]}}}',
    ],
)
def test_no_memory_can_harm_the_board(tmp_path, memory: str):
    """Whatever a learner writes into their memory, the board counts what is shaped right."""
    home = tmp_path / "eve"
    (home / ".lrcourse").mkdir(parents=True)
    (home / ".lrcourse" / "memory.json").write_text(memory)
    memories = Memories(tmp_path)
    memories.look()
    tally.Progress().row("eve", memories.all["eve"])
    for key in (KEY, "drawn"):
        counted = tally.prediction(key, "first", memories.all)
        json.dumps(counted, allow_nan=False)
        assert "<script>" not in json.dumps(counted)


def test_the_board_follows_no_link(tmp_path):
    """A link in a home, as the file or as a folder on the way, is refused; so is a pipe."""
    home, secret = tmp_path / "eve", tmp_path / "secret"
    home.mkdir()
    secret.mkdir()
    (secret / "memory.json").write_text('{"votes": {}}')
    (home / ".lrcourse").symlink_to(secret)
    (home / "file").symlink_to(secret / "memory.json")
    os.mkfifo(home / "pipe")
    (home / "big").write_bytes(b"x" * 101)
    for place in (".lrcourse/memory.json", "file", "pipe", "big"):
        with pytest.raises(OSError):
            read_inside(home, place, 100)
    with pytest.raises(OSError):
        write_inside(home, ".lrcourse/memory.json", b"overwritten")
    assert (secret / "memory.json").read_text() == '{"votes": {}}'


def test_stuck_is_three_tries_and_five_minutes_without_gain():
    """Fewer tries, a recent gain, or full points: not stuck."""
    progress, task = tally.Progress(), "step_decay.1"

    def stuck(points: float, tries: int, now: float) -> bool:
        kept = {"points": points, "tries": tries, "last": "1970-01-01T00:00:00+00:00"}
        return bool(progress.row("eve", {"exercises": {task: kept}}, now)["stuck"])

    assert not stuck(0, 2, 1000)
    assert not stuck(0, 3, 200)
    assert stuck(0, 3, 1000)
    assert not stuck(0.5, 4, 1100)  # gained just now
    assert stuck(0.5, 6, 1500)
    assert not stuck(tally.TASKS[task].points, 7, 9000)


@pytest.mark.parametrize(
    ("right", "votes", "says"),
    [
        (0, 0, "none"),
        (34, 100, "explain"),
        (35, 100, "discuss"),
        (70, 100, "discuss"),
        (71, 100, "go on"),
    ],
)
def test_the_advice_after_a_first_vote(right: int, votes: int, says: str):
    """Below about 35 % right explain again, to 70 % discuss, above go on."""
    assert tally.advice(right, votes) == says
