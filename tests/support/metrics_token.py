"""scripts/make_metrics_token.sh in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from support.servers import ROOT


def make_token(clone: Path) -> Path:
    """Run it as for a repository at `clone`; the folder that it wrote. Who is not root has a sudo that does
    nothing."""
    for name in ("scripts/make_metrics_token.sh", "monitoring/prometheus/prometheus.yml"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    (clone / "bin").mkdir(exist_ok=True)
    (clone / "bin" / "sudo").write_text("#!/bin/sh\n")
    (clone / "bin" / "sudo").chmod(0o755)
    path = f"{clone / 'bin'}:{os.environ['PATH']}"
    script = clone / "scripts" / "make_metrics_token.sh"
    subprocess.run([script], cwd="/", env={**os.environ, "PATH": path}, check=True)
    return clone / "monitoring" / "token"
