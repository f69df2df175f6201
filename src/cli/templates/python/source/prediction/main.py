"""python -m prediction.main --action training|application --config FILE

Which tumours are malignant? The data comes with scikit-learn: put yours, and your model, in its place.
"""

import argparse
import json
from pathlib import Path

import joblib
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OUTPUT = Path("output")  # what is left there is the version; an application finds the live one there


def read_data():
    data = load_breast_cancer(as_frame=True)
    return data.data.rename_axis("tumour_id"), data.target == 0


def training(config):
    features, labels = read_data()
    seen, unseen, seen_labels, unseen_labels = train_test_split(
        features, labels, test_size=config["holdout_fraction"], random_state=config["seed"], stratify=labels)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(seen, seen_labels)
    auc = float(roc_auc_score(unseen_labels, model.predict_proba(unseen)[:, 1]))
    joblib.dump(model, OUTPUT / "model.joblib")
    (OUTPUT / "metrics.json").write_text(json.dumps({"auc": auc, "rows": len(seen)}))  # the gate reads it
    print(f"learned from {len(seen)} tumours; AUC {auc:.3f} on {len(unseen)} others")


def application(config):
    model = joblib.load(OUTPUT / "model.joblib")
    features, _ = read_data()
    predictions = features[[]].assign(probability=model.predict_proba(features)[:, 1])
    predictions["label"] = (predictions["probability"] >= config["threshold"]).map({True: "true", False: "false"})
    predictions.to_csv(OUTPUT / "predictions.csv")
    print(f"predicted {len(predictions)} tumours")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--action", required=True, choices=["training", "application"])
    parser.add_argument("--config", required=True)
    words = parser.parse_args()
    OUTPUT.mkdir(exist_ok=True)
    {"training": training, "application": application}[words.action](json.loads(Path(words.config).read_text()))
