"""The model that bench/online_bench.py asks, and the servers that it asks beside Busker's. Run by build/bench's Python, with the newest
XGBoost of build/parity on PYTHONPATH.

    online_peers.py train FOLDER         500 trees of depth 6 over 30 numbers, a signature and a sample, as a training leaves them
    online_peers.py fastapi FOLDER PORT  the usual server of one's own: FastAPI under uvicorn, and XGBoost with one thread
    online_peers.py mlflow FOLDER PORT   MLflow's, of the same model
"""

import json
import pathlib
import sys
import warnings

import numpy
import xgboost

TREES, DEPTH, COLUMNS, ROWS = 500, 6, 30, 20000
NAMES = [f"feature_{i}" for i in range(COLUMNS)]


def loaded(folder):
    return xgboost.Booster({"nthread": 1}, model_file=str(folder / "model.json"))


def train(folder):
    random = numpy.random.default_rng(5)
    rows = random.normal(size=(ROWS, COLUMNS)).round(4)
    score = rows[:, 0] + rows[:, 1] * rows[:, 2] + numpy.sin(3 * rows[:, 3]) + rows[:, 4]
    labels = score + random.normal(size=ROWS) > 0
    data = xgboost.DMatrix(rows, labels, feature_names=NAMES)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.1, "min_child_weight": 0}, data, TREES)
    booster.save_model(folder / "model.json")
    held_out = random.normal(size=(1000, COLUMNS)).round(4)
    answers = loaded(folder).predict(xgboost.DMatrix(held_out, feature_names=NAMES))
    sample = {"inputs": held_out[:20].tolist(), "outputs": answers[:20].tolist()}
    (folder / "serving_sample.json").write_text(json.dumps(sample))
    (folder / "signature.json").write_text(json.dumps(
        {"inputs": [{"name": name, "type": "number"} for name in NAMES], "outputs": ["probability"]}))
    (folder / "rows.json").write_text(json.dumps(held_out.tolist()))


def fastapi_app(folder):
    import fastapi
    booster, app = loaded(folder), fastapi.FastAPI()

    @app.post("/predict")
    async def predict(request: fastapi.Request):
        asked = await request.json()
        rows = numpy.array([[row[name] for name in NAMES] for row in asked["instances"]], dtype=numpy.float32)
        return {"predictions": booster.inplace_predict(rows, validate_features=False).tolist()}

    return app


def mlflow_app(folder):
    import mlflow.models
    import mlflow.pyfunc
    import mlflow.xgboost
    import pandas
    from mlflow.pyfunc import scoring_server
    kept = folder / "mlflow"
    if not kept.exists():
        booster = loaded(folder)
        example = pandas.DataFrame(json.loads((folder / "rows.json").read_text())[:5], columns=NAMES)
        answers = booster.predict(xgboost.DMatrix(example))
        mlflow.xgboost.save_model(booster, str(kept), signature=mlflow.models.infer_signature(example, answers),
                                  pip_requirements=["xgboost"])
    return scoring_server.init(mlflow.pyfunc.load_model(str(kept)))


def main():
    warnings.simplefilter("ignore")
    what, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    if what == "train":
        return train(folder)
    import uvicorn
    app = {"fastapi": fastapi_app, "mlflow": mlflow_app}[what](folder)
    return uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[3]), log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
