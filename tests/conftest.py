"""What all tests share."""

import pytest


@pytest.fixture(autouse=True)
def _own_memory(tmp_path, monkeypatch):
    """No test reads or writes what the person who runs it has learnt."""
    monkeypatch.setenv("LRCOURSE_HOME", str(tmp_path / "lrcourse-home"))
