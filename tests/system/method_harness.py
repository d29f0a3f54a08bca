"""What the tests of compression methods have in common: the layers of the demo model, and experiments on their options."""

from harness import SystemTest

ATTENTION = {"q_proj": (256, 256), "k_proj": (128, 256), "v_proj": (128, 256), "o_proj": (256, 256)}
MLP = {"gate_proj": (768, 256), "up_proj": (768, 256), "down_proj": (256, 768)}
SHAPES = {**ATTENTION, **MLP}  # outputs, inputs
LAYERS = 6

ATTENTION_OPTIONS = ["w2-g32-gptq", "w3-g32-gptq", "w4-g32-gptq", "2:4-sparsegpt+w4-g32", "drop"]
MLP_OPTIONS = ["w2-g32-gptq", "w3-g32-gptq", "keep-75%+w4-g32", "keep-50%+w4-g32", "drop"]
MIXED = {
    "data": {"calibration": "self", "windows": 8, "length": 32, "holdout": 4},
    "options": [{"match": "re:.*self_attn", "options": ATTENTION_OPTIONS}, {"match": "*", "options": MLP_OPTIONS}],
    "budget": {"bits_per_weight": 3.0},
    "search": {"tokens": 8000},
}


class MethodTest(SystemTest):
    data = {"calibration": "self", "windows": 32, "length": 128, "holdout": 16}

    def offering(self, *options, **changes):
        """An experiment of these options and the checkpoint's own weights, under a budget that leaves all but those."""
        return self.experiment(**{"options": [*options, "w16"], "budget": {"ratio": 0.999}, "data": self.data, **changes})

    def measure(self, file, option):
        return self.succeed("evaluate", file, "--recipe", option, "--json", "--quiet").json
