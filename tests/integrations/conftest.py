"""These tests need the extra `integrations`, whose libraries are large: they have their own job."""

from importlib.util import find_spec

LIBRARIES = ("accelerate", "pytorch_lightning", "schedulefree", "transformers")
collect_ignore_glob = [] if all(map(find_spec, LIBRARIES)) else ["test_*.py"]
