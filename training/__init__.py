"""From outcomes to a promoted artifact: sources, labels, fit, export, gates, tracking."""

import os

# MLflow and onnxruntime report their use to their makers unless told not to before they are
# imported; training needs no network. Whoever sets a variable is heard.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
