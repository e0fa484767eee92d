import sys

import pytest

from chaos.lab.tiny_model import main

pytestmark = pytest.mark.slow


def test_a_model_is_made_that_can_be_loaded_and_talked_to(tmp_path, monkeypatch):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    text = tmp_path / "text.md"
    text.write_text("Bees make honey. " * 50)
    for name, seed in (("first", "0"), ("same", "0"), ("other", "1")):
        monkeypatch.setattr(sys, "argv", ["tiny_model", str(tmp_path / name), seed, str(text)])
        main()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "first")
    chat = [{"role": "user", "content": "Do bees make honey?"}]
    assert tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True) == (
        "<|im_start|>user\nDo bees make honey?<|im_end|>\n<|im_start|>assistant\n"
    )
    first, same, other = (AutoModelForCausalLM.from_pretrained(tmp_path / name) for name in ("first", "same", "other"))
    tokens = torch.tensor([tokenizer.encode("Bees make honey.")])
    assert torch.equal(first(tokens).logits, same(tokens).logits)
    assert not torch.equal(first(tokens).logits, other(tokens).logits)
