"""What a name says of a pickled object: a model, or what prepares a model's input."""

from __future__ import annotations

import re

# Compiled when the first load of unknown role is met, not in every run.
_PREPROCESSOR = (
    r"(?i)scal(er|ing)|encod|vectori[sz]|vect\b|tokeni[sz]|tfidf|tf_idf|columns?\b|features?\b|label|mapping|vocab|imput|binari[sz]|transform(er|ation)?s?\b|"
    r"preproc|processors?\b|\bpca\b|mean|std\b|stopword|schema|metadata|config|stats|data(set|frame)?\b|_df\b|^df|corpus|matrix|similarity|index|embeddings?\b|ids\b|(?<!state_)dict\b|_map\b|popular|"
    r"cookie|token\b|session\b|history|cache\b|explainer|shap|threshold|classes\b|word2idx|word2index|idx2|lookup|movies?\b|books?\b|ratings?\b|names\b|graph\b|bm25|retriever|chunks|docs?\b|documents|faiss|questions|lemma|params|dv\b|selector"
)
_MODEL = (
    r"(?i)model|classif|clf|regress|predict|\breg\b|estimator|pipeline|pipe\b|forest|svm|svc|knn|xgb|lgb|catboost|tree|state_dict|"
    r"net\b|\.pt\b|\.pth|\.h5|\.onnx|checkpoint|ckpt|weights|learner|detector|recogni|forecast|_rf|rf_|logreg|ensemble"
)


_WEIGHTS = r"(?i)checkpoint|ckpt|state_dict|weights"  # whatever else such a name says


def prepares(*names: str) -> bool:
    """Whether names speak of scalers, encoders, vectorizers, tables, labels."""
    return any(re.search(_PREPROCESSOR, name) and not re.search(_WEIGHTS, name) for name in names)


def models(*names: str) -> bool:
    """Whether names speak of a model."""
    return any(re.search(_MODEL, name) for name in names)
