"""Two or more heavy inference frameworks in one deployable."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import entry_span, load_spans, spans, suggestion, ways
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.counting import holding
from mlscaffold.lint.project.deployable import Load
from mlscaffold.lint.project.uses import use_of

CODE = "MLS102"
NAME = "several-frameworks-in-one-server"
SEVERITY: Final = "warning"
WHY = "Each framework brings its own gigabytes, CUDA context, thread pools and release cycle into one image."

# Frameworks that run on the same engine count once; trees and scikit-learn are light.
_ENGINES = {
    "torch": "PyTorch", "transformers": "PyTorch", "sentence-transformers": "PyTorch", "diffusers": "PyTorch",
    "torchvision": "PyTorch",
    "torch.hub": "PyTorch", "ultralytics": "PyTorch", "easyocr": "PyTorch", "openai-whisper": "PyTorch", "openai-clip": "PyTorch",
    "open_clip": "PyTorch", "fastai": "PyTorch", "timm": "PyTorch", "funasr": "PyTorch", "coqui-tts": "PyTorch",
    "lightning": "PyTorch",
    "keras": "TensorFlow", "tensorflow": "TensorFlow", "tensorflow-hub": "TensorFlow", "deepface": "TensorFlow",
    "onnxruntime": "ONNX Runtime", "insightface": "ONNX Runtime", "llama-cpp": "llama.cpp", "vllm": "vLLM", "paddleocr": "Paddle",
    "paddle": "Paddle", "mxnet": "MXNet", "faster-whisper": "CTranslate2", "ctranslate2": "CTranslate2", "openvino": "OpenVINO",
    "tflite": "TFLite", "tensorrt": "TensorRT",
}  # fmt: skip


def check(project: Project) -> Iterator[Finding]:
    """One finding per deployable that serves and whose models need several engines at once."""
    for service in project.deployables:
        loads = holding(service.models).loads
        engines: dict[str, Load] = {}
        for load in loads:
            if engine := _ENGINES.get(load.model.framework):
                engines.setdefault(engine, load)
        if len(engines) < 2 or not service.serves:
            continue
        first, *others = engines.values()
        yield Finding(
            code=CODE,
            name=NAME,
            severity=SEVERITY,
            confidence="high",
            service=service.id,
            message=f"{len(engines)} inference engines in one process: {', '.join(engines)}",
            why=WHY,
            locations=spans(
                load_spans(first)[0], *(load_spans(load) for load in others), [entry_span(service)], *map(ways, engines.values())
            ),
            suggestion=suggestion(use_of(service, loads).pattern, service, loads, project.files),
            subjects=tuple(sorted(engines)),
        )
