"""What names say of a pickled object."""

import pytest

from mlscaffold.lint.project.roles import models, prepares


@pytest.mark.parametrize("name", ["age_scaler", "label_encoder.pkl", "dv", "word2idx", "stopwords", "g2p_dict", "text_processor"])
def test_what_prepares_an_input_is_no_model(name: str) -> None:
    assert prepares(name)


@pytest.mark.parametrize("name", ["checkpoint_dict", "last.ckpt", "state_dict", "weights_index"])
def test_weights_are_a_model_whatever_else_their_name_says(name: str) -> None:
    assert not prepares(name)
    assert models(name)
