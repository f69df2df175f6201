"""parity_models.py FOLDER ROWS SEED [--golden KIND...]: models of every kind, made with the XGBoost that PYTHONPATH has, each with rows
and that XGBoost's own answers, for tests/parity_test.py. A line of JSON for each on the standard output.

The answers are those of Booster.predict(DMatrix) of the model as it was read back from its file. With --golden, small
ones of those kinds, in UBJSON alone (before 1.6, in JSON): what src/predict/testdata has.

    PYTHONPATH=build/parity/3.2.0 build/parity/venv/bin/python tests/parity_models.py \\
        src/predict/testdata/3.2.0- 40 1 --golden logistic categories-sets
"""

import ctypes
import json
import pathlib
import sys
import warnings

import numpy
import xgboost

VERSION = tuple(int(part) for part in xgboost.__version__.split(".")[:2])
ENDINGS = ("json", "ubj") if VERSION >= (1, 6) else ("json",)
COLUMNS = 8
TRAINING_ROWS = 1500


class Kind:
    """A model to make: its name, parameters, and what its labels are of."""

    def __init__(self, name, objective, labels="real", since=(1, 0), rounds=30, **more):
        self.name, self.objective, self.labels, self.since, self.rounds = name, objective, labels, since, rounds
        self.categories = more.pop("categories", False)
        self.iterations = more.pop("iterations", None)
        self.missing = more.pop("missing", None)
        self.columns = more.pop("columns", COLUMNS)
        self.parameters = more


def kinds():
    yield Kind("squared", "reg:squarederror")
    yield Kind("squared-base", "reg:squarederror", base_score=0.3)
    yield Kind("squared-far-base", "reg:squarederror", "far")
    yield Kind("squared-log", "reg:squaredlogerror", "positive")
    yield Kind("absolute", "reg:absoluteerror", since=(1, 7))
    yield Kind("huber", "reg:pseudohubererror")
    yield Kind("quantiles", "reg:quantileerror", since=(2, 0), quantile_alpha=[0.1, 0.5, 0.9])
    yield Kind("quantile", "reg:quantileerror", since=(2, 0), quantile_alpha=0.4)
    yield Kind("expectiles", "reg:expectileerror", since=(3, 3), expectile_alpha=[0.2, 0.5, 0.8])
    yield Kind("logistic-regression", "reg:logistic", "share")
    yield Kind("logistic", "binary:logistic", "two")
    yield Kind("logistic-base", "binary:logistic", "two", base_score=0.123)
    yield Kind("logit-raw", "binary:logitraw", "two")
    yield Kind("hinge", "binary:hinge", "two")
    yield Kind("poisson", "count:poisson", "count")
    yield Kind("gamma", "reg:gamma", "positive")
    yield Kind("tweedie", "reg:tweedie", "positive")
    yield Kind("cox", "survival:cox", "times")
    yield Kind("aft", "survival:aft", "bounds")
    yield Kind("softmax", "multi:softmax", "classes", num_class=4)
    yield Kind("softprob", "multi:softprob", "classes", num_class=4)
    yield Kind("softprob-base", "multi:softprob", "classes", num_class=4, base_score=0.25)
    for kind in ("pairwise", "ndcg", "map"):
        yield Kind(f"rank-{kind}", f"rank:{kind}", "groups")
    yield Kind("targets", "reg:squarederror", "targets", since=(1, 6))
    yield Kind("targets-logistic", "binary:logistic", "labels", since=(1, 6))
    yield Kind("dart", "reg:squarederror", booster="dart", rate_drop=0.3, skip_drop=0.2)
    yield Kind("dart-logistic", "binary:logistic", "two", booster="dart", rate_drop=0.3, normalize_type="forest")
    yield Kind("dart-softprob", "multi:softprob", "classes", num_class=3, booster="dart", one_drop=1, rate_drop=0.2)
    yield Kind("forest", "reg:squarederror", num_parallel_tree=5, subsample=0.6, colsample_bynode=0.5, rounds=4)
    yield Kind("forest-softprob", "multi:softprob", "classes", num_class=3, num_parallel_tree=3, subsample=0.6,
               rounds=4)
    yield Kind("stopped", "binary:logistic", "two", iterations=11)
    yield Kind("stopped-forest", "multi:softprob", "classes", num_class=3, num_parallel_tree=2, subsample=0.7,
               iterations=5, rounds=9)
    yield Kind("minus-999", "binary:logistic", "two", missing=-999.0)
    yield Kind("exact", "reg:squarederror", tree_method="exact")
    yield Kind("approximate", "reg:squarederror", tree_method="approx")
    yield Kind("pruned", "reg:squarederror", gamma=30.0, max_depth=7)
    yield Kind("deep", "reg:squarederror", grow_policy="lossguide", max_leaves=90, max_depth=0, tree_method="hist",
               rounds=9)
    yield Kind("stumps", "binary:logistic", "two", max_depth=1)
    yield Kind("leaves", "reg:squarederror", gamma=1e9, rounds=3)
    yield Kind("wide", "reg:squarederror", columns=120, max_depth=8)
    for name, onehot in (("onehot", 100), ("sets", 1), ("mixed", 5)):
        yield Kind(f"categories-{name}", "binary:logistic", "two", since=(1, 7), categories=True,
                   max_cat_to_onehot=onehot, tree_method="hist", max_depth=6)
    yield Kind("categories-softprob", "multi:softprob", "classes", since=(1, 7), num_class=3, categories=True,
               max_cat_to_onehot=4, tree_method="hist")
    yield Kind("categories-999", "binary:logistic", "two", since=(1, 7), categories=True, max_cat_to_onehot=4,
               tree_method="hist", missing=-999.0)


def label(kind, score, random):
    noisy = score + random.normal(size=len(score)) * 0.5
    positive = numpy.exp(numpy.clip(noisy, -3, 3))
    return {
        "real": noisy, "far": noisy * 37 + 98765.4321, "positive": positive + 0.01,
        "share": 1 / (1 + numpy.exp(-noisy)), "two": noisy > 0.2, "count": random.poisson(positive),
        "times": positive * random.choice([-1, 1, 1], size=len(score)), "bounds": positive,
        "classes": numpy.digitize(noisy, [-0.8, 0.3] if kind.parameters.get("num_class") == 3 else [-0.8, 0, 0.9]),
        "groups": noisy > 0.4, "targets": numpy.stack([noisy, -2 * noisy, noisy ** 2], 1),
        "labels": numpy.stack([noisy > 0.2, noisy < -0.5], 1),
    }[kind.labels].astype(numpy.float32)


def training_table(kind, random):
    table = random.normal(size=(TRAINING_ROWS, kind.columns)).astype(numpy.float32)
    table[:, 1] = numpy.round(table[:, 1] * 3)  # ties, and zeros of both signs
    table[:, 2] = numpy.exp(table[:, 2] * 20).clip(0, 1e30)
    table[:, 3] *= 1e-39  # subnormal
    if kind.categories:
        table[:, 4] = random.integers(0, 3, TRAINING_ROWS)
        table[:, 5] = random.integers(0, 40, TRAINING_ROWS)
        table[:, 6] = random.integers(0, 200, TRAINING_ROWS)
    score = table[:, 0] + numpy.sin(table[:, 1]) + (table[:, 5] % 7 > 3) + 0.3 * (table[:, 6] > 0)
    table[random.random(table.shape) < 0.08] = numpy.nan
    return table, numpy.nan_to_num(score)


def matrix(kind, table, **more):
    if kind.missing is not None:
        table = numpy.where(numpy.isnan(table), numpy.float32(kind.missing), table)
        more["missing"] = kind.missing
    if kind.categories:
        more["feature_types"] = ["c" if 4 <= column <= 6 else "q" for column in range(kind.columns)]
        more["enable_categorical"] = True
    return xgboost.DMatrix(table, **more), table


def rows_to_ask(kind, model_file, count, random):
    """Values of each column: thresholds of the model and the floats beside them, zeros, subnormals, great and
    small ones, nothing; of categories those that were seen, those that were not, and what is no category."""
    conditions = [set() for _ in range(kind.columns)]
    with open(model_file, encoding="utf-8") as file:
        booster = json.load(file)["learner"]["gradient_booster"]
    for tree in booster.get("gbtree", booster)["model"]["trees"]:
        for left, column, condition in zip(tree["left_children"], tree["split_indices"], tree["split_conditions"]):
            if left != -1:
                conditions[column].add(condition)
    rows = numpy.empty((count, kind.columns), numpy.float32)
    infinity = numpy.float32(numpy.inf)
    for column, found in enumerate(conditions):
        values = numpy.array(sorted(found) + [0.0, -0.0, 1e-45, -1e-45, 1.1754942e-38, 3e38, -3e38], numpy.float32)
        values = numpy.concatenate(
            [values, numpy.nextafter(values, infinity), numpy.nextafter(values, -infinity), -values,
             random.normal(size=values.size).astype(numpy.float32)])
        if kind.categories and 4 <= column <= 6:
            values = numpy.concatenate([numpy.arange(220), [-1, 0.5, 39.5, 1e6, 16777215, 16777216, 3e9, -0.0]])
        values = values[numpy.isfinite(values)].astype(numpy.float32)
        rows[:, column] = random.choice(values, size=count)
    rows[random.random(rows.shape) < 0.1] = numpy.nan
    return rows


def train(kind, random):
    table, score = training_table(kind, random)
    labels = label(kind, score, random)
    data, _ = matrix(kind, table)
    if kind.labels == "bounds":
        data.set_float_info("label_lower_bound", labels)
        data.set_float_info("label_upper_bound",
                            numpy.where(random.random(TRAINING_ROWS) < 0.3, numpy.inf, labels * 1.2))
    else:
        data.set_label(labels)
    if kind.labels == "groups":
        data.set_group([50] * (TRAINING_ROWS // 50))
    parameters = {"objective": kind.objective, "max_depth": 5, "eta": 0.3, "nthread": 1, "seed": 7, "verbosity": 0}
    return xgboost.train({**parameters, **kind.parameters}, data, kind.rounds)


def answers_of(booster, kind, data):
    """XGBoost's own answers; but of survival:aft those that its packages with CUDA give, which take the exponential
    in float, where those without take it in double."""
    rounds = {"iteration_range": (0, kind.iterations)} if kind.iterations else {}
    if kind.objective != "survival:aft" or xgboost.build_info()["USE_CUDA"]:
        return booster.predict(data, **rounds)
    expf = ctypes.CDLL("libm.so.6").expf
    expf.restype, expf.argtypes = ctypes.c_float, [ctypes.c_float]
    return [expf(margin) for margin in booster.predict(data, output_margin=True, **rounds).tolist()]


def make(kind, folder, count, random):
    """The kind's files in the folder, and what they are."""
    booster = train(kind, random)
    base = folder / kind.name
    for ending in ENDINGS:
        booster.save_model(f"{base}.{ending}")
    rows = rows_to_ask(kind, f"{base}.json", count, random)
    answers = {}
    for ending in ENDINGS:
        read_back = xgboost.Booster({"nthread": 1}, model_file=f"{base}.{ending}")
        data, asked = matrix(kind, rows)
        answers[ending] = numpy.ascontiguousarray(answers_of(read_back, kind, data), numpy.float32)
    asked.tofile(f"{base}.rows")
    for ending, answer in answers.items():
        answer.tofile(f"{base}.{ending}.answers")
    return {"name": kind.name, "base": str(base), "iterations": kind.iterations, "missing": kind.missing,
            "columns": kind.columns, "endings": ENDINGS}


def make_golden(prefix, count, seed, names):
    for kind in kinds():
        if kind.name not in names:
            continue
        kind.rounds, kind.parameters["max_depth"] = min(kind.rounds, 4), 3
        base = pathlib.Path(f"{prefix}{kind.name}")
        made = make(kind, base.parent, count, numpy.random.default_rng(seed))
        if len(ENDINGS) > 1:
            for ending in ("json", "json.answers"):
                pathlib.Path(f"{made['base']}.{ending}").unlink()
        for ending in (ENDINGS[-1], "rows", f"{ENDINGS[-1]}.answers"):
            pathlib.Path(f"{made['base']}.{ending}").rename(f"{base}.{ending.removeprefix(f'{ENDINGS[-1]}.')}")


def main():
    warnings.simplefilter("ignore")
    if "--golden" in sys.argv:
        make_golden(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[5:])
        return
    folder, count, seed = pathlib.Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for number, kind in enumerate(kinds()):
        if VERSION >= kind.since:
            print(json.dumps(make(kind, folder, count, numpy.random.default_rng([seed, number]))), flush=True)


if __name__ == "__main__":
    main()
