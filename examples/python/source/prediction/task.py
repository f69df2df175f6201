"""The actions: each takes its config and leaves its files in output/."""

import json
from pathlib import Path

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from prediction.model import Model

OUTPUT = Path("output")


class Failure(Exception):
    """Something that the reader of the log can put right."""


def read_config(path):
    try:
        config = json.loads(Path(path).read_text())
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise Failure(f"{path} is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise Failure(f"{path} is not a JSON object")
    return config


def setting(config, name):
    if name not in config:
        raise Failure(f'the config has no "{name}"')
    return config[name]


def read_examples():
    """Measurements of 569 tumours (W. N. Street, W. H. Wolberg and O. L. Mangasarian, 1993), which
    come with scikit-learn, and whether each was malignant."""
    dataset = load_breast_cancer(as_frame=True)
    features = dataset.data.rename_axis("tumour_id")
    return features, dataset.target == list(dataset.target_names).index("malignant")


def training(config):
    features, labels = read_examples()
    train_features, test_features, train_labels, test_labels = train_test_split(
        features,
        labels,
        test_size=setting(config, "holdout_fraction"),
        random_state=setting(config, "seed"),
        stratify=labels,
    )
    model = Model.train(train_features, train_labels, setting(config, "regularization"))
    metrics = {**model.measure(test_features, test_labels), "rows": len(train_features)}

    OUTPUT.mkdir(exist_ok=True)
    model.save(OUTPUT / "model.joblib")
    (OUTPUT / "metrics.json").write_text(json.dumps(metrics) + "\n")
    print(f"Learned from {metrics['rows']} tumours: AUC {metrics['auc']:.3f} on the others.")


def application(config):
    path = OUTPUT / "model.joblib"
    if not path.exists():
        raise Failure(f"there is no model in {path}: run the training first")
    model = Model.load(path)
    features, _ = read_examples()
    probabilities = model.predict(features)
    predictions = pd.DataFrame(
        {
            "probability": probabilities,
            "label": probabilities >= setting(config, "threshold"),
        },
        index=features.index,
    )
    predictions["label"] = predictions["label"].map({True: "true", False: "false"})
    predictions.to_csv(OUTPUT / "predictions.csv")
    print(f"Predicted {len(predictions)} tumours.")


ACTIONS = {"training": training, "application": application}
