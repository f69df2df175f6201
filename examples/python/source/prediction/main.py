"""python -m prediction.main --action training|application --config FILE

Exit code 0: done. 1: could not be done, one sentence on standard error. 2: wrong usage.
"""

import argparse
import sys

from prediction import task


def main():
    parser = argparse.ArgumentParser(prog="prediction")
    parser.add_argument("--action", required=True, choices=sorted(task.ACTIONS))
    parser.add_argument("--config", required=True, metavar="FILE")
    arguments = parser.parse_args()
    try:
        task.ACTIONS[arguments.action](task.read_config(arguments.config))
    except task.Failure as failure:
        sys.exit(f"prediction: {failure}")


if __name__ == "__main__":
    main()
