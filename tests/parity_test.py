"""The native runtime gives the bits that XGBoost gives: models of every kind, made with XGBoost's own packages of
several versions, are asked by both, with rows at the thresholds and beside them. Not one bit may differ.

Needs `script/setup parity`; `script/test parity [--rows N] [--seed S] [--version V]...` runs it."""

import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("BUSKER_BUILD", REPOSITORY / "build" / "release"))
PARITY = REPOSITORY / "build" / "parity"


def words(path):
    data = pathlib.Path(path).read_bytes()
    return struct.unpack(f"{len(data) // 4}I", data)


def differences(model, folder):
    """What is wrong with one model's answers, in words; nothing: they are the same."""
    for ending in model["endings"]:
        command = [BUILD / "tests" / "predict_rows", f"{model['base']}.{ending}", f"{model['base']}.rows",
                   folder / "answers"]
        for setting in ("iterations", "missing"):
            if model[setting] is not None:
                command += [f"--{setting}", str(model[setting])]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if ran.returncode != 0:
            yield f"{model['name']}.{ending}: {ran.stderr.strip()}"
            continue
        ours, theirs = words(folder / "answers"), words(f"{model['base']}.{ending}.answers")
        if len(ours) != len(theirs):
            yield f"{model['name']}.{ending}: {len(ours)} answers, and XGBoost gives {len(theirs)}"
            continue
        wrong = [place for place, (our, their) in enumerate(zip(ours, theirs)) if our != their]
        if wrong:
            first = wrong[0]
            our, their = (struct.unpack("f", struct.pack("I", side[first]))[0] for side in (ours, theirs))
            yield (f"{model['name']}.{ending}: {len(wrong)} of {len(ours)} answers differ, "
                   f"the first at {first}: {our!r}, XGBoost {their!r}")


def check_version(library, rows, seed):
    """Prints what a version came to; returns how many faults there are."""
    begin = time.monotonic()
    faults, count = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with subprocess.Popen([PARITY / "venv" / "bin" / "python", REPOSITORY / "tests" / "parity_models.py", folder,
                               str(rows), str(seed)], env={**os.environ, "PYTHONPATH": str(library)},
                              stdout=subprocess.PIPE, text=True) as making:
            for line in making.stdout:
                model = json.loads(line)
                faults += differences(model, folder)
                count += 1
                for path in folder.glob(f"{model['name']}.*"):
                    path.unlink()
        if making.returncode != 0:
            faults.append("its models could not be made")
    print(f"XGBoost {library.name}: {count} models, {rows} rows each, both formats: "
          f"{len(faults) or 'no'} faults, {time.monotonic() - begin:.0f} s", flush=True)
    for fault in faults:
        print(f"  {fault}", flush=True)
    return len(faults)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", action="append", help="one of those in build/parity; default: all")
    arguments = parser.parse_args()
    libraries = sorted(path for path in PARITY.iterdir() if path.name[0].isdigit())
    if arguments.version:
        libraries = [path for path in libraries if path.name in arguments.version]
    if not libraries:
        sys.exit("parity_test: there is no XGBoost in build/parity; script/setup parity gets it")
    sys.exit(1 if sum([check_version(path, arguments.rows, arguments.seed) for path in libraries]) else 0)


if __name__ == "__main__":
    main()
