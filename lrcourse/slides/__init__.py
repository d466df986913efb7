"""`lrcourse slides`: each lesson as a deck of slides to project, made from its notebook.

`marks.py` says which cell begins a slide, `pages.py` what goes on each, `deck.py` writes the page.
A deck asks nothing of the network: reveal.js (`reveal/`, version 5.2, MIT licence) and MathJax
(from the package `jupyter-server-mathjax`) lie beside it.
"""
