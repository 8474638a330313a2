"""Questions to the catalogue: patterns of names, and published sizes."""

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlscaffold.lint.catalog import Catalog, fits, literals_of
from mlscaffold.resources import rules_folder

CATALOG = Catalog((rules_folder() / "catalog",))


@given(st.text("ab.", max_size=8), st.text("ab.*", max_size=3), st.text("ab.*", max_size=3))
def test_a_star_is_any_text(name, start, end):
    assert fits(name, f"{start}*{end}") == fnmatchcase(name, f"{start}*{end}")


@pytest.mark.parametrize(
    ("name", "framework"),
    [
        pytest.param("transformers.AutoModelForCausalLM.from_pretrained", "transformers", id="exact"),
        pytest.param("langchain_community.embeddings.HuggingFaceEmbeddings", "sentence-transformers", id="star-first"),
        pytest.param("torch.nn.Linear", None, id="no-load"),
    ],
)
def test_a_call_is_known_by_its_dotted_name(name, framework):
    entry = CATALOG.loads.get(name)
    assert (entry.framework if entry else None) == framework


@pytest.mark.parametrize(
    ("name", "framework"),
    [
        pytest.param("marble.Speech.from_pretrained", "other", id="any library"),
        pytest.param("transformers.AutoModel.from_pretrained", "transformers", id="one that is known"),
        pytest.param("acme.store.Net.load_model", "acme", id="a team's own"),
        pytest.param("marble_whisper.load_model", "other", id="any library of a kind"),
        pytest.param("marble.load_model", None, id="any other"),
        pytest.param("marble.Speech", None, id="no load"),
    ],
)
def test_what_is_said_of_any_library_comes_last(tmp_path, name, framework):
    own = tmp_path / "acme.yaml"
    own.write_text("- framework: acme\n  source: the wiki\n  groups:\n    - calls: [acme.*.load_model]\n")
    entry = Catalog((rules_folder() / "catalog",), (own,)).loads.called(name)
    assert (entry.framework if entry else None) == framework


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        pytest.param("mosaicml/mpt-7b-chat", 7000, id="at-the-start-of-a-word"),
        pytest.param("models/prompt-writer", None, id="inside-a-word"),
        pytest.param("google/siglip-so400m-patch14-384", 878, id="the-narrower-name-first"),
    ],
)
def test_a_size_is_known_by_the_words_of_a_name(name, parameters):
    entry = CATALOG.size_of(name)
    assert (entry.parameters if entry else None) == parameters


@pytest.mark.parametrize(
    ("expression", "literals"),
    [
        ("whisper.*(tiny)|^tiny(\\.en)?$", ("whisper", "tiny")),
        ("stable-diffusion-xl|sdxl", ("stable-diffusion-xl", "sdxl")),
        ("large-?v?3-turbo", ("3-turbo",)),
        ("(bert|tiny).*tiny", ("tiny",)),
        ("ab{12}c", ()),
        ("[abc]+|long", ()),
    ],
)
def test_what_stands_in_every_match(expression, literals):
    assert literals_of(expression) == literals


NAMES = """openai/whisper-tiny tiny.en large-v3 turbo stabilityai/stable-diffusion-xl-base-1.0 bert-base-uncased
resnet50 yolov8n.pt
sentence-transformers/all-MiniLM-L6-v2 distilbert-base-uncased facebook/bart-large-mnli gpt2-xl llama-2-7b mistral-7b-instruct
vgg16 efficientnet_b0 mobilenet_v2 inception_v3 clip-vit-base-patch32 en_core_web_lg roberta-large t5-small wav2vec2-base
microsoft/phi-2 blip-image-captioning-large sam_vit_h_4b8939.pth""".split()


def test_the_shortcut_finds_what_the_expressions_find():
    for name in NAMES:
        lowered = name.lower()
        plain = next((entry for entry in CATALOG.sizes if re.search(entry.match, lowered)), None)
        assert CATALOG.size_of(name) == plain
    assert sum(CATALOG.size_of(name) is not None for name in NAMES) > len(NAMES) // 2
