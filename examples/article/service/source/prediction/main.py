"""python -m prediction.main --action training|application --config FILE"""

import argparse
import json
import pathlib

from prediction import task


def main():
    parser = argparse.ArgumentParser(prog="prediction")
    parser.add_argument("--action", required=True, choices=sorted(task.ACTIONS))
    parser.add_argument("--config", required=True, metavar="FILE", type=pathlib.Path)
    arguments = parser.parse_args()
    task.ACTIONS[arguments.action](json.loads(arguments.config.read_text()))


if __name__ == "__main__":
    main()
