"""Build, check and tag a release: `make release`. To publish it stays with a person.

The version is that of pyproject.toml; write its day into CHANGELOG.md and commit before.
"""

import datetime
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path


def run(*command: str, cwd: Path) -> str:
    """What a command prints; `SystemExit` with all that it said if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def version_of(root: Path) -> str:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def problems(root: Path) -> list[str]:
    """Why this cannot be released yet, a sentence each; none if it can."""
    version, found = version_of(root), []
    for name, pattern in {
        "lrcourse/__init__.py": r'^__version__ = "(.+)"$',
        "CITATION.cff": r"^version: (.+)$",
        "CHANGELOG.md": r"^## \[?(\d[\w.]*)",
    }.items():
        said = re.search(pattern, (root / name).read_text("utf-8"), re.M)
        if said is None or said[1] != version:
            found.append(
                f"{name} says {said and said[1]}, pyproject.toml {version}: make them one."
            )
    heading = re.search(r"^## \[[\d.]+\] - (.*)$", (root / "CHANGELOG.md").read_text("utf-8"), re.M)
    if heading is None or not re.fullmatch(r"\d{4}-\d\d-\d\d", heading[1]):
        today = datetime.date.today()
        found.append(f"CHANGELOG.md gives no day: write ## [{version}] - {today}.")
    if "## Unreleased" in (root / "CHANGELOG.md").read_text("utf-8").replace("[", ""):
        found.append(f"CHANGELOG.md has lines that are unreleased: move them below {version}.")
    if changed := run("git", "status", "--porcelain", cwd=root).strip():
        found.append(f"There is work that is not committed: commit it first.\n{changed}")
    if run("git", "tag", "--list", f"v{version}", cwd=root).strip():
        found.append(f"v{version} is tagged already: raise the version in pyproject.toml.")
    return found


def build(root: Path, folder: Path) -> list[Path]:
    """The sdist, and the wheel that it builds, in an empty `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    make = (sys.executable, "-m", "hatchling", "build")
    run(*make, "-t", "sdist", "-d", str(folder), cwd=root)
    [sdist] = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    [source] = (folder / "unpacked").iterdir()
    run(*make, "-t", "wheel", "-d", str(folder), cwd=source)
    shutil.rmtree(folder / "unpacked")
    return sorted(folder.iterdir())


def main(root: Path) -> str:
    """Build, check and tag; what a person does next."""
    if found := problems(root):
        sys.exit("Not released:\n" + "\n".join(found))
    version, files = version_of(root), build(root, root / "dist")
    run(sys.executable, "-m", "twine", "check", "--strict", *map(str, files), cwd=root)
    run("git", "tag", "--annotate", f"v{version}", "--message", f"lrcourse {version}", cwd=root)
    built = "\n".join(f"  {path.name}, {path.stat().st_size / 1e6:.1f} MB" for path in files)
    return (
        f"Built, checked and tagged as v{version}:\n{built}\n"
        f"To publish it: git push origin v{version}, then twine upload dist/*"
    )


if __name__ == "__main__":
    print(main(Path(__file__).resolve().parents[1]))
