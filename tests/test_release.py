"""`make release` builds, checks and tags what is fit to be released, and nothing else."""

import subprocess
from pathlib import Path

import pytest
from installed import release

FILES = {
    "pyproject.toml": """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "lrcourse"
version = "1.2.0"
description = "A small one"
readme = "README.md"
""",
    "lrcourse/__init__.py": '__version__ = "1.2.0"\n',
    "CITATION.cff": "version: 1.2.0\n",
    "CHANGELOG.md": "# Changelog\n\n## [1.2.0] - 2026-01-31\n",
    "README.md": "# A small one\n\nWith a text.\n",
    ".gitignore": "dist/\n",
}


def git(root: Path, *words: str) -> str:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    return subprocess.run(
        ["git", *who, *words], cwd=root, check=True, capture_output=True, text=True
    ).stdout


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that is fit to be released."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "--message", "Begin")
    return tmp_path


def test_a_release_is_built_checked_and_tagged(project: Path):
    """One command builds sdist and wheel, tags the version, and says how to publish it."""
    said = release.main(project)

    assert {path.suffix for path in (project / "dist").iterdir()} == {".gz", ".whl"}
    assert git(project, "tag").split() == ["v1.2.0"]
    assert "twine upload" in said


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("CHANGELOG.md", "2026-01-31", "unreleased", "gives no day"),
        ("CHANGELOG.md", "# Changelog", "## [Unreleased]", "unreleased: move them"),
        ("CITATION.cff", "1.2.0", "1.1.0", "CITATION.cff says 1.1.0"),
        ("lrcourse/__init__.py", "1.2.0", "1.1.0", "lrcourse/__init__.py says 1.1.0"),
        ("README.md", "small", "large", "not committed"),
    ],
)
def test_what_is_not_ready_is_not_released(project: Path, name, old, new, says):
    """A version that differs, a changelog without its day or work that is not committed is named,
    and nothing is tagged."""
    (project / name).write_text(FILES[name].replace(old, new), encoding="utf-8")

    with pytest.raises(SystemExit, match=says):
        release.main(project)
    assert git(project, "tag") == ""


def test_a_version_is_released_once(project: Path):
    """A version that is tagged already is refused."""
    git(project, "tag", "v1.2.0")

    with pytest.raises(SystemExit, match="tagged already"):
        release.main(project)
