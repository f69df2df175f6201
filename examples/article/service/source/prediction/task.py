"""The actions: each takes its config and leaves its files in output/."""

import csv
import datetime
import json
import pathlib
import statistics

OUTPUT = pathlib.Path("output")
MODEL = OUTPUT / "model.json"


def read_sales(path):
    """The loaves of each day, oldest first."""
    with open(path, newline="") as file:
        return [(datetime.date.fromisoformat(row["day"]), int(row["loaves"])) for row in csv.DictReader(file)]


def train(sales):
    """The median of each day of the week, Monday first."""
    return [statistics.median(loaves for day, loaves in sales if day.weekday() == weekday) for weekday in range(7)]


def training(config):
    sales = read_sales(config["sales"])
    known, held_out = sales[:-config["holdout_days"]], sales[-config["holdout_days"]:]
    model = train(known)
    error = statistics.fmean(abs(model[day.weekday()] - loaves) for day, loaves in held_out)
    OUTPUT.mkdir(exist_ok=True)
    MODEL.write_text(json.dumps(train(sales)) + "\n")
    (OUTPUT / "metrics.json").write_text(json.dumps({"mean_absolute_error": round(error, 3), "days": len(known)}) + "\n")
    print(f"Learned from {len(known)} days: wrong by {error:.1f} loaves a day on the {len(held_out)} after them.")


def application(config):
    model = json.loads(MODEL.read_text())
    first = datetime.date.fromisoformat(config["from"])
    with open(OUTPUT / "predictions.csv", "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["day", "loaves"])
        for day in (first + datetime.timedelta(number) for number in range(config["days"])):
            rows.writerow([day, model[day.weekday()]])
    print(f"Predicted {config['days']} days from {first}.")


ACTIONS = {"training": training, "application": application}
