"""A pytest plugin: runs pylibmc's suite over the ASCII protocol, against the server that the environment names.

Most of its tests ask for the binary protocol without depending on it, and Spindle does not speak that protocol. The
tests that do depend on it, or on port 11211, are deselected by name in python_suites.
"""

import os

import pylibmc.test

_make_test_client = pylibmc.test.make_test_client


def _over_ascii(*args, **kwargs):
    return _make_test_client(*args, **{**kwargs, "binary": False})


pylibmc.test.make_test_client = _over_ascii

import tests  # noqa: E402  It takes make_test_client with it when it is imported.

tests.PylibmcTestCase.memcached_port = os.environ["MEMCACHED_PORT"]
