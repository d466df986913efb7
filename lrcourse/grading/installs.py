"""Lines that install packages: skipped, because there is no network where it is graded."""

import re

_INSTALLS = re.compile(
    r"""^(?P<indent>\s*)(?:
        (?P<magic>[!%]{1,2})\s*(?:sudo\s+)?(?:\S*python[\d.]*\s+-m\s+|\{?sys\.executable\}?\s+-m\s+)?
            (?:pip\d?|uv|conda|mamba|micromamba|apt|apt-get|npm)\b
      | (?:pip\d?|conda|mamba|uv\s+pip)\s+install\b
      | get_ipython\(\)\s*\.\s*(?:system|getoutput|run_line_magic)\(\s*r?['"](?:pip|.{0,40}\bpip\b|conda)
    )""",
    re.X,
)
MOST_SHOWN = 60  # characters of such a line


def without_installs(cell: str) -> tuple[str, list[str]]:
    """A cell with `pass` in place of such lines, and what they were."""
    if not any(word in cell for word in ("pip", "uv", "conda", "mamba", "apt", "npm")):
        return cell, []
    lines, skipped, goes_on = cell.split("\n"), [], False
    if lines[0].lstrip().startswith("%%"):
        return cell, []
    for i, line in enumerate(lines):
        found = _INSTALLS.match(line)
        if goes_on or found:
            goes_on = line.rstrip().endswith("\\")
            lines[i] = f"{found['indent']}pass" if found else ""
            skipped += [line.strip()[:MOST_SHOWN]] if found else []
    return "\n".join(lines), skipped
