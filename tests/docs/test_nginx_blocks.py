"""What the pages tell nginx, asked of nginx."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import count
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
NGINX = shutil.which("nginx", path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
BLOCKS = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in sorted(DOCS.rglob("*.md"))
    for number, block in enumerate(re.findall(r"^```nginx\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.M), 1)
]


def whole(block: str) -> str:
    """A configuration with the block where it belongs."""
    if block.startswith("location "):
        block = f"server {{ listen 80; {block} }}"
    if block.startswith("server "):
        block = f"http {{ access_log off; {block} }}"
    return block if "events {" in block else f"events {{}} {block}"


@pytest.mark.skipif(NGINX is None, reason="nginx was not found")
@pytest.mark.parametrize("block", BLOCKS)
def test_nginx_understands_what_the_pages_tell_it(block: str, tmp_path: Path) -> None:
    """I copied the lines, and `nginx -t` was content."""
    assert NGINX is not None, "skipped otherwise"
    # No ports: a test of the configuration opens what it listens to, for a moment.
    sockets = count()
    text = re.sub(r"listen [^;]*;", lambda _: f"listen unix:{next(sockets)}.sock;", whole(block))
    (tmp_path / "nginx.conf").write_text(f"error_log stderr; pid {tmp_path}/pid;\n{text}\n", encoding="utf-8")
    command = [NGINX, "-t", "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    # Not the exit status: who is not root may not open nginx's folders, which comes after this.
    assert "syntax is ok" in done.stderr, done.stderr
