"""Counts instructions of warm requests and holds them against the baseline. Started by tools/instructions."""
import argparse
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tempfile

BASELINE = pathlib.Path(__file__).with_name("baseline.json")
ROUNDS, ALLOWED = 500, 1.03


def count(program: str, name: str) -> float:
    with tempfile.TemporaryDirectory() as out:
        # A fixed environment: the place of the stack changes a few instructions of memcpy and the like.
        done = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=weir_counted_rounds",
                               f"--callgrind-out-file={out}/callgrind", program, name, str(ROUNDS)],
                              capture_output=True, text=True, timeout=600, check=True, env={"PATH": os.environ["PATH"]})
    return int(re.search(r"Collected\s*:\s*(\d+)", done.stderr).group(1)) / ROUNDS


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    version = subprocess.run(["c++", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    key = f"g++ {version} {platform.machine()}"
    kept = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    known = kept.get(key, {})
    counted, failed = {}, False
    for name in ("get", "post", "chunked", "local", "websocket"):
        counted[name] = count(options.program, name)
        text = f"{name:10} {counted[name]:8.0f} instructions"
        if name in known:
            ratio = counted[name] / known[name]
            failed = failed or ratio > ALLOWED
            text += f", {100 * (ratio - 1):+.1f} % of the kept {known[name]:.0f}" + ("  TOO MANY" if ratio > ALLOWED else "")
        print(text, flush=True)
    if options.keep:
        kept[key] = {name: round(value) for name, value in counted.items()}
        BASELINE.write_text(json.dumps(kept, indent=1) + "\n")
    elif not known:
        print(f"not judged: no baseline for {key}")
    return 1 if failed and not options.keep else 0


if __name__ == "__main__":
    sys.exit(main())
