"""The experiments for real models in configs/, checked against checkpoints of the published shapes.

models/ holds the published config.json files. The weights are holes in files, so that they take no disk; since `pare check`
reads every byte of a checkpoint all the same, the copies here have two of the layers, which are all alike, and a short
vocabulary, which is not searched.
"""

import json
import unittest

from harness import SOURCE, SystemTest

MODELS = SOURCE / "tests/system/models"


def tensor_shapes(config):
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    head = config.get("head_dim") or hidden // config["num_attention_heads"]
    q, kv = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    shapes = {"model.embed_tokens.weight": [config["vocab_size"], hidden], "model.norm.weight": [hidden],
              "lm_head.weight": [config["vocab_size"], hidden]}
    layer = {"self_attn.q_proj": [q, hidden], "self_attn.k_proj": [kv, hidden], "self_attn.v_proj": [kv, hidden],
             "self_attn.o_proj": [hidden, q], "mlp.gate_proj": [wide, hidden], "mlp.up_proj": [wide, hidden],
             "mlp.down_proj": [hidden, wide], "input_layernorm": [hidden], "post_attention_layernorm": [hidden]}
    if config["model_type"] == "qwen3":
        layer |= {"self_attn.q_norm": [head], "self_attn.k_norm": [head]}
    for number in range(config["num_hidden_layers"]):
        shapes |= {f"model.layers.{number}.{name}.weight": shape for name, shape in layer.items()}
    return shapes


def write_checkpoint(directory, config):
    """All weights zero, without a byte of them on the disk."""
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(config))
    header, end = {}, 0
    for name, shape in tensor_shapes(config).items():
        begin, end = end, end + 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    with open(directory / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


class RealModels(SystemTest):
    def check(self, name):
        config = json.loads((MODELS / name / "config.json").read_text())
        small = {"num_hidden_layers": 2, "vocab_size": 1024, "bos_token_id": 0, "eos_token_id": 1}
        write_checkpoint(self.directory / "model", {**config, **small})
        outcome = self.succeed("check", SOURCE / f"configs/{name}.yaml", "--set", f"model.path={self.directory}/model")
        self.assertNotIn("WARNING", outcome.out)
        return outcome.out

    def test_llama_for_vllm(self):
        plan = self.check("llama-3.1-8b")
        self.assertRegex(plan, r"gate_proj\+up_proj +2  14336 x 4096 \+ 14336 x 4096")
        self.assertIn("4.500 bits a weight", plan)
        self.assertIn("q, k, v have one option", plan)

    def test_qwen_for_llama_cpp(self):
        plan = self.check("qwen3-8b")
        self.assertRegex(plan, r"down_proj +2  +4096 x 12288")
        self.assertIn("Q4_K_M 231.1 MB = 4.791", plan)
        self.assertNotIn("left out", plan)


if __name__ == "__main__":
    unittest.main()
