"""Endpoint strings that begin with `wsframework:`. Twisted looks for plugins in modules of this package.

There must be no `__init__.py` here or in the folder above: the package is Twisted's.
"""

from __future__ import annotations

from wsframework.twisted.endpoints import ClientParser, ServerParser

server_parser = ServerParser()
client_parser = ClientParser()
