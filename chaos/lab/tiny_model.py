"""A Qwen2 of four layers with random weights: `python tiny_model.py FOLDER SEED TEXT...`, in vLLM's environment.

What it says is noise. What surrounds it is real: chat template, tokens, streaming, usage, prefix caching, metrics.
"""

# mypy: disable-error-code="no-untyped-call, no-any-return, arg-type"
# transformers has annotations in some places only

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

VOCABULARY = 4_096
MAX_TOKENS = 8_192
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer_of(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on the texts."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",  # noqa: S106
        pad_token="<|endoftext|>",  # noqa: S106
        chat_template=TEMPLATE,
        model_max_length=MAX_TOKENS,
    )


def model_of(seed: int, tokenizer: PreTrainedTokenizerFast) -> Qwen2ForCausalLM:
    """Random weights by the seed."""
    torch.manual_seed(seed)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=VOCABULARY,
            hidden_size=128,
            intermediate_size=512,
            num_hidden_layers=4,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=MAX_TOKENS,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            tie_word_embeddings=True,
        )
    ).to(torch.bfloat16)


def main() -> None:
    """Make the model that the command line asks for."""
    folder, seed, *files = sys.argv[1:]
    tokenizer = tokenizer_of(Path(name).read_text(encoding="utf-8") for name in files)
    tokenizer.save_pretrained(folder)
    model_of(int(seed), tokenizer).save_pretrained(folder)


if __name__ == "__main__":
    main()
