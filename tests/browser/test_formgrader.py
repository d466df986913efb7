"""nbgrader's formgrader in a real Chromium, on submissions that our configuration has graded."""

import csv
import re
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from grading.conftest import need_sandbox
from grading.nbgrader_course import cell_of, nbgrader, release, scores, submit
from hand_ins import ALL, ESSAY, PAYLOADS, hostile_outputs, with_answers
from jupyter_page import HOST, JupyterServer
from nbgrader.api import Gradebook
from playwright.sync_api import expect

from lrcourse.grading.provisioner import install

SHEET = "training_lab"  # with a task for a person, and no training loop inside
ESSAY_CELL = f"{SHEET}-7"
# The first test waits for a whole course to be made. What no page may show is tested without a
# browser, too: tests/grading/test_nbgrader.py.
pytestmark = [pytest.mark.timeout(900), pytest.mark.thorough]

MATHJAX = "cdnjs.cloudflare.com"  # formgrader's own pages ask for it: nbgrader has no other way

# A picture that is none, and sizes of one, from the kernel of a submission.
DRAWS = f"""from IPython.display import HTML, display
bad = '"><script>window.owned=1;alert(1)</script>'
display(HTML({ALL!r}))
display({{"image/png": bad, "text/html": bad, "text/plain": bad}}, raw=True)
display({{"image/png": "aGk="}}, raw=True, metadata={{"image/png": {{"width": bad, "height": bad}}}})
print({ALL!r})
raise ValueError({ALL!r})"""


LINKS = (  # ways to write a link that runs code, in Markdown
    "[x](javascript:window.owned=1) [x](<javascript:window.owned=1>) [x]( JaVaScRiPt:window.owned=1)",
    "[x](java&#115;cript:window.owned=1) [x](javascript&colon;window.owned=1)",
    "[x](javascript\\:window.owned=1) [x](&#9;javascript:window.owned=1) [x](\njavascript:owned=1)",
    "[x](vbscript:x) [x](data:text/html;base64,PHNjcmlwdD4=) [x][1] [y][2] [z][3] [4]",
    "[1]: javascript:window.owned=1\n[2]: < javascript:window.owned=1>\n[3]: java&#115;cript:x=1",
    "> [4]:\n> javascript:window.owned=1",
    "<javascript:window.owned=1> [![x](https://example.org/x.png)](javascript:window.owned=1)",
)


def hostile() -> dict:
    """A submission that tries to run a script in the browser of the person who marks it."""
    essay = "\n\n".join((ALL, *LINKS))
    answers = {1: DRAWS, 2: f"def better(low, high):\n    raise ValueError({ALL!r})", 7: essay}
    notebook = hostile_outputs(with_answers(SHEET, answers, solved=False))
    notebook["metadata"]["kernelspec"] = {"name": "python3", "display_name": ALL}
    notebook["metadata"]["language_info"] = {"name": ALL, "pygments_lexer": ALL}
    cell_of(notebook, f"{SHEET}-2")["source"] = ALL
    cell_of(notebook, f"{SHEET}-7")["metadata"]["tags"] = [PAYLOADS[1]]
    return notebook


@pytest.fixture(scope="module")
def server(tmp_path_factory, chromium_path):
    """A Jupyter server in the folder of a course: one honest and one hostile submission."""
    need_sandbox()
    folder, prefix = tmp_path_factory.mktemp("formgrader"), tmp_path_factory.mktemp("prefix")
    install(str(prefix))
    nothing = tmp_path_factory.mktemp("nothing")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
        running = JupyterServer(folder, notebooks=nothing)
        release(running.root, SHEET)
        honest = with_answers(SHEET, {7: ESSAY})
        submit(running.root, "ada", SHEET, honest)
        submit(running.root, "eve", SHEET, hostile())
        nbgrader(running.root, "autograde", SHEET)
        with running:
            yield running


@contextmanager
def formgrader(server, chromium):
    """A page that notes whatever a submission should not be able to do."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.tried, page.asked = [], set()
    page.on("dialog", lambda dialog: (page.tried.append(dialog.message), dialog.dismiss()))
    page.on("popup", lambda popup: page.tried.append(popup.url))
    page.on("request", lambda request: page.asked.add(urlsplit(request.url).hostname))
    page.goto(f"{server.url}/formgrader/?token={server.token}")
    yield page
    context.close()
    assert page.tried == []
    assert page.asked <= {HOST, MATHJAX, None}


def submissions(page, server) -> dict[str, str]:
    """The addresses of the submissions, by what the list says of their code score."""
    page.goto(f"{server.url}/formgrader/gradebook/{SHEET}/{SHEET}")
    rows = page.locator("tbody tr", has=page.locator("a.name-hidden"))  # not "Loading, please wait"
    expect(rows).to_have_count(2, timeout=60_000)
    return {row.inner_text(): row.locator("a").first.get_attribute("href") for row in rows.all()}


def to_mark(page, server, address: str) -> None:
    """Open a submission; its points and comments have come, and what is typed is kept."""
    page.goto(server.url + address)
    page.wait_for_function(
        "() => window.formgrader?.grades?.loaded && formgrader.comments?.loaded", timeout=60_000
    )


def test_formgrader_lists_the_course(server, chromium):
    """Assignment, number of submissions, and the points from outside the kernel."""
    with formgrader(server, chromium) as page:
        row = page.locator("tbody tr", has_text=SHEET)
        row.wait_for()
        listed = submissions(page, server)

        assert len(listed) == 2
        assert [text for text in listed if "20 / 20" in text]
        assert [text for text in listed if "0 / 20" in text.replace("20 / 20", "")]


def test_a_hostile_submission_runs_nothing_while_it_is_marked(server, chromium):
    """Answer, outputs, errors, metadata and tags of a submission are text in formgrader."""
    with formgrader(server, chromium) as page:
        for address in submissions(page, server).values():
            to_mark(page, server, address)
            page.wait_for_timeout(500)  # for a script that comes late

            assert page.evaluate("window.owned") is None
            assert page.locator("#notebook").first.evaluate(FOREIGN) == []
            shown = page.locator("#notebook").first.inner_text()
        assert "window.owned=1" in shown or "Two GPU days" in shown


FOREIGN = """notebook => [...notebook.querySelectorAll('script,iframe,object,embed,style,img,a')]
  .filter(e => e.tagName !== 'IMG' || !e.src.startsWith('data:image/png;base64,'))
  .filter(e => e.tagName !== 'A' || /^(javascript|data|vbscript):/i.test(e.href))
  .map(e => e.outerHTML).concat([...notebook.querySelectorAll('*')]
    .filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).map(e => e.outerHTML))"""


def test_a_mark_by_hand_reaches_database_and_export(server, chromium):
    """Points and a comment typed with the keyboard are stored, and exported with the others."""
    with formgrader(server, chromium) as page:
        address = next(a for text, a in submissions(page, server).items() if "20 / 20" in text)
        to_mark(page, server, address)
        page.locator(f"#{ESSAY_CELL}").focus()
        page.keyboard.type("4.5")
        with page.expect_response(re.compile("/api/grade/")) as stored:
            page.keyboard.press("Tab")
        assert stored.value.ok
        page.locator("textarea.comment").last.focus()
        page.keyboard.type("Clear. When would it fail?")
        with page.expect_response(re.compile("/api/comment/")) as stored:
            page.keyboard.press("Tab")
        assert stored.value.ok
        assert "Two GPU days" in page.locator("#notebook").first.inner_text()

    assert scores(server.root, SHEET, "ada", "manual_score")[ESSAY_CELL] == 4.5
    with Gradebook(f"sqlite:///{server.root}/gradebook.db") as book:
        found = book.find_submission_notebook(SHEET, SHEET, "ada").comments
        assert "Clear. When would it fail?" in [comment.comment for comment in found]
    nbgrader(server.root, "export")
    with (server.root / "grades.csv").open(encoding="utf-8") as file:
        totals = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert totals == {"ada": 24.5, "eve": 0.0}


def test_feedback_of_nbgrader_runs_nothing(server, chromium):
    """The page that generate_feedback writes for a hostile submission is inert, too."""
    nbgrader(server.root, "generate_feedback", SHEET, "--student", "eve")
    path = server.root / "feedback" / "eve" / SHEET / f"{SHEET}.html"
    with formgrader(server, chromium) as page:
        page.goto(path.as_uri())
        page.wait_for_timeout(500)

        assert page.evaluate("window.owned") is None
        assert page.locator("body").evaluate(FOREIGN) == []
        assert "training_lab.2: 0 of 2 points" in page.locator("body").inner_text()
