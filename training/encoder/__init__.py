"""Encoders for serving: ONNX graphs from token ids to one unit vector a text.

``python -m training.encoder static --out DIR`` distils the default, ``transformer`` exports the
model it was distilled from; both write the same three files. Nothing here is needed to serve.
"""
