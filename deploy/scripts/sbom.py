"""Writes what is built into the program to standard output, as CycloneDX, from the Swift packages that its build took.

Usage: sbom.py PACKAGE_RESOLVED VERSION. Syft reads them; what it says of the moment and of the machine is taken away, so that the same
commit gives the same list. SOURCE_DATE_EPOCH is its date.
"""

import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path


def scanned(resolved):
    # Alone in a folder under a name that says nothing, and that Syft keeps to.
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Package.resolved").write_bytes(Path(resolved).read_bytes())
        quiet = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false"}
        command = ["syft", "scan", "dir:.", "--quiet", "--output", "cyclonedx-json"]
        return json.loads(subprocess.run(command, cwd=folder, env=quiet, check=True, capture_output=True).stdout)


def main():
    resolved, version = sys.argv[1:]
    pins = json.loads(Path(resolved).read_text())["pins"]
    bom = scanned(resolved)
    bom.pop("serialNumber", None)
    date = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    bom["metadata"]["timestamp"] = date.strftime("%Y-%m-%dT%H:%M:%SZ")
    bom["metadata"]["component"] = {"bom-ref": "otp-worker", "type": "application", "name": "otp-worker", "version": version}
    libraries = [component for component in bom["components"] if component["type"] == "library"]
    if len(libraries) != len(pins):
        sys.exit(f"sbom.py: {len(libraries)} of {len(pins)} packages were recognised")
    bom["components"] = sorted(libraries, key=lambda component: component["name"])
    print(json.dumps(bom, indent=1, sort_keys=True))


main()
