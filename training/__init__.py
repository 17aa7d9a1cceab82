"""Films -> model -> ONNX -> signed bundle. scikit-learn, pandas and skl2onnx live here."""
