"""The model: logistic regression on standardized measurements."""

import joblib
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


class Model:
    def __init__(self, pipeline):
        self.pipeline = pipeline

    @classmethod
    def train(cls, features, labels, regularization):
        pipeline = make_pipeline(
            StandardScaler(), LogisticRegression(C=1 / regularization, max_iter=1000)
        )
        return cls(pipeline.fit(features, labels))

    @classmethod
    def load(cls, path):
        return cls(joblib.load(path))

    def save(self, path):
        joblib.dump(self.pipeline, path)

    def predict(self, features):
        """The probability of each row."""
        return self.pipeline.predict_proba(features)[:, 1]

    def measure(self, features, labels):
        probabilities = self.predict(features)
        return {
            "auc": float(roc_auc_score(labels, probabilities)),
            "log_loss": float(log_loss(labels, probabilities)),
        }
