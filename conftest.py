"""What `pytest --doctest-modules` leaves out: no tests, and not to be imported outside their place."""

collect_ignore_glob = [
    "*conftest.py",
    "lrcourse/grading/_inside.py",  # runs in the sandbox
    "lrcourse/workshop/jupyterhub_config.py",  # runs in JupyterHub
    "notebooks/*.py",
    "tests/mutants.py",
    "tests/typing/*",  # only type-checks
]
