"""From outcomes to a promoted artifact: sources, labels, fit, export, gates, tracking."""

import os

# MLflow reports its use to its makers unless told not to before it is imported; training needs
# no network. Whoever sets the variable is heard.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import router  # noqa: F401 - before onnxruntime is loaded: it says there that no usage data are sent
