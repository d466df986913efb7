"""The pages of a room in a real browser: join, login, the notebook's bar, a vote, the board."""

import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from running import Running

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SLOW = 120_000  # milliseconds


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium found")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def visit(browser: Any, room: Running) -> Iterator[Any]:
    """`visit("/hub/login", width=390)`: a page of somebody new."""
    contexts = []

    def go(place: str, width: int = 1280, height: int = 720) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SLOW)
        page.goto(room.url + place)
        return page

    yield go
    for context in contexts:
        context.close()


def log_in(page: Any, name: str, password: str, pin: str = "") -> None:
    page.fill("#username", name)
    page.fill("#password", password)
    page.fill("#pin", pin)
    page.click("button[type=submit]")


def faults(page: Any) -> list[str]:
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{fault['id']}: {fault['nodes'][0]['html'][:120]}" for fault in found]


def fits(page: Any) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("width", [320, 390, 1280, 1920])
def test_join_and_login_fit_every_screen_and_have_no_fault(visit, room: Running, width: int):
    """The pages where learners come in are axe-clean, fit a phone, and test the network in words."""
    for place in (f"/hub/join/key/{room.secret('join_key')}", "/hub/login"):
        page = visit(place, width)
        page.wait_for_selector("#network[data-done]")
        assert "lets notebooks through" in page.inner_text("#network")
        assert fits(page) and faults(page) == []


def test_the_address_is_read_from_the_last_row(visit, room: Running):
    """On a projector the address and the password are large: 5 % of the picture's height each."""
    page = visit(f"/hub/join/key/{room.secret('join_key')}", 1920, 1080)
    for part in (".address", ".password"):
        size = page.locator(part).evaluate("e => parseFloat(getComputedStyle(e).fontSize)")
        assert size >= 0.05 * 1080
    assert room.secret("join_key") not in page.url


def test_a_wrong_password_is_said_where_one_types(visit, room: Running):
    """The login page says what is wrong, in an alert, and keeps the name."""
    page = visit("/hub/login")
    log_in(page, "hal", "wrong", "1234")
    assert "not the class password" in page.inner_text("[role=alert]")
    assert page.input_value("#username") == "hal"


def test_a_vote_in_the_browser_and_on_the_board(visit, room: Running):
    """A learner commits a guess in the notebook; the instructor opens the answer by keyboard; it
    appears below the learner's guess. The board is axe-clean, and fits a phone."""
    learner = visit("/hub/login", height=900)
    log_in(learner, "Ida", room.password, "1234")
    learner.wait_for_selector("#lrcourse-room")
    learner.goto(f"{room.url}/user/ida/lab/tree/01_step_decay.ipynb?reset")
    learner.wait_for_selector(".jp-Notebook .jp-Cell")
    learner.get_by_text("| Idle").first.wait_for()  # the kernel is connected
    learner.locator(".jp-Notebook .jp-Cell").first.click()
    for _ in range(4):  # down to the cell that asks
        learner.keyboard.press("Shift+Enter")
    widget = learner.locator(".lrc").filter(has_text="Commit my guess").first
    widget.wait_for()
    widget.get_by_role("radio").first.check()
    waiting = learner.get_by_text("Kept; the room will see it.").first
    commit = widget.get_by_role("button", name="Commit my guess")
    end = time.monotonic() + 120
    while not waiting.is_visible():  # while Python is busy the button is held, and says so
        assert time.monotonic() < end, widget.inner_text()
        if commit.is_visible():
            commit.click()
        learner.wait_for_timeout(500)
    assert learner.get_by_text("the true one").count() == 0

    board = visit("/services/board/", 390, 800)
    log_in(board, "instructor", room.secret("instructor_password"))
    vote = board.get_by_role("article", name="step_decay", exact=True)
    vote.get_by_text("a smooth fall: 1").wait_for()
    assert fits(board) and faults(board) == []
    vote.get_by_role("button", name="Open the answer").focus()
    board.keyboard.press("Enter")
    vote.get_by_text("✓ three stairs, each a tenth").wait_for()
    learner.get_by_text("✓ the true one").first.wait_for()

    assert vote.get_by_role("button", name="Answer open").evaluate(
        "e => e === document.activeElement"
    )
    vote.get_by_role("button", name="Project").click()
    assert not board.get_by_role("heading", name="Learners").is_visible()
    assert "ida" not in board.inner_text("main")
    board.keyboard.press("Escape")
    assert board.get_by_role("heading", name="Learners").is_visible()


def test_the_note_and_the_message_meet(visit, room: Running):
    """A learner's "I am stuck" is on the board; the instructor's sentence above the notebook."""
    learner = visit("/hub/login")
    log_in(learner, "Jan", room.password, "1234")
    learner.get_by_role("button", name="I am stuck").click()
    learner.wait_for_selector("#lrcourse-room button[aria-pressed=true]")
    board = visit("/services/board/", 1280, 900)
    log_in(board, "instructor", room.secret("instructor_password"))
    board.locator("#stuck").get_by_text("jan").wait_for()
    board.fill("#message", "Back at <i>ten</i>")
    board.get_by_role("button", name="Show it").click()
    learner.locator("#lrcourse-room").get_by_text("Back at <i>ten</i>").wait_for()
    assert re.search("^Back", learner.inner_text("#lrcourse-room [role=status]"))
    board.get_by_role("button", name="Take it away").click()
