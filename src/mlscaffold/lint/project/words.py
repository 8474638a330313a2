"""Names that say something without anything else: methods that compute, that train, that do nothing, that are too common."""

from __future__ import annotations

from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.syntax import Expr, dotted

TRANSPARENT = frozenset(
    "to eval cuda half float cpu bfloat16 double compile parameters named_parameters state_dict load_state_dict "
    "requires_grad_ get_inputs "
    "get_outputs get_providers get_modelmeta config train modules children named_modules share_memory "
    "set_providers summary fuse info "
    "get_input_details get_output_details allocate_tensors set_tensor get_tensor enable_attention_slicing "
    "enable_model_cpu_offload "
    "enable_xformers_memory_efficient_attention enable_sequential_cpu_offload load_lora_weights fuse_lora "
    "resize_token_embeddings "
    "add_pipe get_pipe enable_pipe disable_pipe initialize pipe_names get_feature_names_out get_feature_names get_params "
    "set_params keys items values get append close save save_pretrained save_model dump copy update enable_vae_slicing "
    "enable_vae_tiling enable_freeu set_progress_bar_config register_forward_hook tie_weights gradient_checkpointing_enable "
    "get_dims vocab add_adapter set_adapter from_pipe load_weights load_model load_ip_adapter unload_lora_weights set_adapters "
    "feature_name num_feature num_trees num_features num_boosted_rounds best_iteration current_iteration get_score get_fscore "
    "feature_names_in_ n_features_in_ classes_ get_n_features_in get_all_params tree_count_ feature_names_ "
    "eval_mode warmup start stop shutdown is_loaded __class__ get_booster load_checkpoint prepare setInput setPreferableBackend "
    "setPreferableTarget getLayerNames getUnconnectedOutLayers unet vae scheduler tokenizer read close get_tokenizer add_request "
    "count_params get_weights get_config get_layer named_buffers output_size input_size get_input_embeddings "
    "get_sentence_embedding_dimension get_embedding_dimension get_max_seq_length batch_encode_plus encode_plus "
    "apply_chat_template convert_tokens_to_ids convert_ids_to_tokens "
    "size dim astype min max mean std sum argmax argmin argsort reshape flatten ravel tolist item numpy detach squeeze unsqueeze "
    "permute transpose clamp clip round lower upper strip replace startswith endswith "  # of what a model answered
    "numel element_size abort_request add_lora remove_lora has_unfinished_requests get_model_config".split()
)
TRAINS = frozenset("fit partial_fit fit_generator train_on_batch fit_one_cycle fine_tune finetune fit_predict".split())
LIGHT_PARTS = frozenset(  # of a loaded model: who takes one of them still loads weights of its own
    "tokenizer tokenizer_2 processor feature_extractor image_processor scheduler safety_checker config device torch_dtype dtype "
    "vae text_encoder text_encoder_2 text_encoder_3 image_encoder".split()
)
MODEL_BASES = ("torch.nn.", "tensorflow.keras.", "keras.", "pytorch_lightning.", "lightning.", "transformers.")
GUESSED = frozenset(
    "transcribe predict predict_proba infer inference synthesize detect_and_decode readtext encode_text "
    "encode_image run_inference "
    "generate_image generate_text text_to_speech generate_speech generate_audio synthesise".split()
)
_ASKING = tuple(
    f"{verb}_"
    for verb in "generate predict transcribe synthesize infer encode embed detect classify recognize summarize translate".split()
)
_ANSWERS = GUESSED | frozenset(
    "__call__ forward generate run run_async encode embed detect chat stream_chat complete create_completion "
    "create_chat_completion summarize translate classify rank compute_score decision_function ocr tts tts_to_file recognize "
    "separate enhance".split()
)
TASKS = frozenset(("create_task", "ensure_future", "spawn_callback", "call_later"))  # what runs beside the caller
LISTENS = frozenset(("on", "once", "listens_to", "event"))  # decorators of objects that call what they decorate
CONSUMES = frozenset(("start_consuming", "KafkaConsumer", "AIOKafkaConsumer"))  # who calls them takes messages for ever
WAITING = frozenset(("result", "as_completed", "wait", "gather", "wrap_future"))
LISTINGS = frozenset(
    "listdir glob iglob iterdir scandir walk iterrows itertuples convert_from_path convert_from_bytes iter_batches rglob".split()
)
DOCUMENTS = frozenset("fitz pymupdf pdfplumber pypdf PyPDF2 pypdfium2".split())
THROUGH = frozenset("list sorted enumerate zip tqdm range len reversed".split())  # give what they are given
TOO_COMMON = frozenset(
    "get put post close open read write send start stop add update delete create save load set items keys values append pop "
    "info debug error warning exception format join split strip lower upper encode decode copy count index sort execute commit "
    "query filter all first connect cursor fetchone fetchall json text submit wait result group match sub replace find "
    "register acquire release put_nowait get_nowait publish subscribe exists mkdir to_dict dict model_dump".split()
)


def is_asked(method: str) -> bool:
    """Whether models are asked by a method of that name, also under another: `ask = model.generate`."""
    return method in _ANSWERS or method.startswith(_ASKING)


def sounds_trainable(expr: Expr) -> bool:
    name = last_name(expr).lower()
    return any(
        word in name
        for word in ("model", "clf", "classif", "regress", "estimator", "pipeline", "trainer", "forest", "svm", "learner")
    )


def sounds_like_model(expr: Expr) -> bool:
    name = dotted(expr).lower()
    return any(
        word in name
        for word in (
            "model",
            "pipe",
            "whisper",
            "predictor",
            "classifier",
            "engine",
            "detector",
            "recogniz",
            "ocr",
            "tts",
            "llm",
            "net",
            "asr",
            "stt",
            "speech",
            "synth",
            "translat",
            "transcri",
        )
    )
