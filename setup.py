"""The optional extension modules; everything else that is declared is in setup.cfg.

The hot files of the package are compiled by Cython from the Python that is there, each `_x_py.py` as `_x_c` with the
types of `_x_c.pxd`. Without Cython or a compiler, or with WSFRAMEWORK_PURE=1 in the environment, the package is
installed as pure Python and does the same, slower.
"""

import os
import sys
from glob import glob

from setuptools import Extension, setup

SOURCES = {
    "wsframework._core._leaf_c": "wsframework/_core/_leaf_c.pyx",
    "wsframework._core._octets_c": "wsframework/_core/_octets_c.pyx",
    "wsframework._core._codec_c": "wsframework/_core/_codec_py.py",
    "wsframework._core._outgoing_c": "wsframework/_core/_outgoing_py.py",
    "wsframework._core._channel_c": "wsframework/_core/_channel_py.py",
    "wsframework.websocket._messages_c": "wsframework/websocket/_messages_py.py",
    "wsframework.websocket._offering_c": "wsframework/websocket/_offering_py.py",
}
# Positions and sizes are checked in the code itself, against what peers can send.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    # What the types are is said in the .pxd files; an annotation is for people and mypy.
    "annotation_typing": False,
    "freethreading_compatible": True,
}


def extensions():
    """What to compile; nothing where that cannot be done or is not wanted."""
    if os.environ.get("WSFRAMEWORK_PURE"):
        return []
    try:
        from Cython.Build import cythonize
    except ImportError:
        print("Cython is not installed: wsframework is installed as pure Python", file=sys.stderr)
        return []
    flags = [] if sys.platform == "win32" else ["-O3"]
    folder = "wsframework/_core"
    headers = glob(f"{folder}/*.h")
    modules = [
        Extension(name, [source], extra_compile_args=flags, include_dirs=[folder], depends=headers)
        for name, source in SOURCES.items()
    ]
    compiled = cythonize(modules, build_dir="build/cython", compiler_directives=DIRECTIVES, quiet=True)
    for module in compiled:
        # Not before: Cython makes other objects of them, and forgets this.
        module.optional = True
    return compiled


setup(ext_modules=extensions())
