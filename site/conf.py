"""How Sphinx makes the pages. `make_pages.py` writes the sources and calls it."""

import re
from typing import Any

project = "lrcourse"
author = "The lrcourse maintainers"
copyright = "The lrcourse maintainers, MIT licence"

extensions = ["myst_nb"]
nb_execution_mode = "off"  # the outputs are those that the notebooks store
myst_enable_extensions = ["dollarmath", "colon_fence", "html_image"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]
exclude_patterns: list[str] = []

html_theme = "pydata_sphinx_theme"
html_title = "lrcourse"
html_css_files = ["live.css", "course.css"]
html_copy_source = False
html_show_sphinx = False
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options: dict[str, Any] = {
    "logo": {"text": "lrcourse"},
    "header_links_before_dropdown": 4,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": {"**": ["page-toc"], "index": []},
    "icon_links": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars: dict[str, list[str]] = {"index": []}

# From here, and no more of it than the formulas need.
mathjax_path = "mathjax/startup.js"
mathjax3_config = {
    "loader": {"load": ["input/tex", "output/chtml", "a11y/assistive-mml"]},
}


def scripts_of_page(app: Any, page: str, template: str, context: dict, doctree: Any) -> None:
    """A page loads the scripts of the widgets that it has, and of no others."""
    views = sorted(set(re.findall(r'data-view="(\w+)"', context.get("body", ""))))
    for name in [*(f"live/{view}.js" for view in views), *(["live/standin.js"] if views else [])]:
        app.add_js_file(name, loading_method="defer")


def setup(app: Any) -> None:
    app.connect("html-page-context", scripts_of_page)
