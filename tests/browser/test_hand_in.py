"""`lrcourse.hand_in()` in a real JupyterLab: the button that shows what the grader will see."""

import json

from hand_ins import with_answers

SHEET = "exponential_decay"
BROKEN = "def exponential_decay(t, lr, k): return lr *"
WRONG = "def gamma_from_k(k):\n    return 1 - k"
RIGHT = "import math\n\ndef k_from_gamma(gamma):\n    return -math.log(gamma)"

RUN_LAST = """async () => {
  const { content } = jupyterapp.shell.currentWidget;
  content.activeCellIndex = content.widgets.length - 1;
  await jupyterapp.commands.execute('notebook:run-cell');
}"""

WRITE = """([id, source]) => {
  const { widgets } = jupyterapp.shell.currentWidget.content;
  const cell = widgets.find(c => c.model.metadata.nbgrader?.grade_id === id);
  cell.model.sharedModel.setSource(source);
}"""


def test_the_button_says_what_the_grader_sees(lab):
    """It finds its notebook by itself and runs what is saved of it, in a process of its own: the
    points of each task and the broken cell are there, and after a change the new points."""
    notebook = with_answers(SHEET, {1: BROKEN, 3: WRONG, 4: RIGHT}, solved=False)
    notebook["cells"].append({"cell_type": "code", "metadata": {}, "outputs": [], "id": "hand-in"})
    notebook["cells"][-1] |= {"execution_count": None, "source": "__import__('lrcourse').hand_in()"}
    path = lab.server.root / f"{SHEET}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    lab.open_notebook(path.name).page.evaluate(RUN_LAST)
    button = lab.panel.get_by_role("button", name="See it as the grader will")
    button.click()
    said = lab.panel.get_by_role("status").filter(has_text="In all")
    said.wait_for()
    text = said.inner_text()

    assert f"{path.name}, as the grader will see it (saved just now)" in text
    assert "exponential_decay.4 (And back): 1 of 1 point. Right." in text
    assert "`exponential_decay` stopped: it raised SyntaxError: invalid syntax. Your" in text
    assert "In all 1.5 of 13 points." in text

    lab.page.evaluate(WRITE, [f"{SHEET}-3-answer", WRONG.replace("1 - k", "2.718281828 ** -k")])
    lab.save()
    button.click()
    said.filter(has_text="In all 2 of 13 points.").wait_for()
    assert lab.kernel_errors == []
