"""Which networks a run folder from somebody else may build."""

import pytest

from cnnlab.cli.trust import check_model
from cnnlab.common.errors import InputError

CONVNET = "cnnlab.networks.convnet.ConvNet"


@pytest.mark.parametrize(
    "model",
    [
        {"_target_": CONVNET, "channels": [4, 8], "head": "average"},
        {"_target_": "torchvision.models.resnet18", "stem": "match"},
        {"_target_": "torchvision.models.resnet.resnet18", "weights": None},
        {"_target_": "torchvision.models.vision_transformer.vit_b_16"},
        {"_target_": "torch.nn.Linear", "in_features": 3},
        {"_target_": "torch.nn.modules.linear.Linear"},
    ],
)
def test_known_networks_are_built(model):
    check_model("run", model)


@pytest.mark.parametrize(
    "model",
    [
        # elsewhere
        {"_target_": "os.system", "command": "touch harm"},
        {"_target_": "builtins.open", "file": "harm", "mode": "w"},
        {"_target_": "torch.load", "f": "harm.pt"},
        {"_target_": "torch.hub.load", "repo_or_dir": "a/b", "model": "c"},
        {"_target_": "subprocess.run", "args": ["true"]},
        {"_target_": "mine.Net"},
        {"_target_": "open"},
        {"_target_": ""},
        # through a known package
        {"_target_": "torch.nn.modules.module.torch.hub.load"},
        {"_target_": "torch.nn.modules.module.warnings.sys.exit"},
        {"_target_": "torch.nn.modules.module.functools.partial"},
        {"_target_": "torch.nn.init.trunc_normal_"},
        {"_target_": "torch.nn.functional.relu"},
        {"_target_": "torch.nnn.Linear"},
        {"_target_": "torchvision.models._api.get_weight"},
        {"_target_": "torchvision.models.get_model", "name": "resnet18"},
        {"_target_": "cnnlab.networks.pretrained.load_weights"},
        {"_target_": "cnnlab.networksx.convnet.ConvNet"},
        # beside a known network
        {"_target_": CONVNET, "channels": {"_target_": "os.system", "command": "touch harm"}},
        {"_target_": CONVNET, "channels": [[{"_target_": "os.system"}]]},
        {"_target_": CONVNET, "_partial_": True},
        {"_target_": CONVNET, "_args_": [1]},
        {"_target_": CONVNET, "head": "${oc.env:HOME}"},
        {"_target_": "torchvision.models.resnet18", "weights": "DEFAULT"},
    ],
)
def test_anything_else_is_refused_in_words(model):
    with pytest.raises(InputError, match="trust=true") as raised:
        check_model("run", model)
    assert str(raised.value).count("\n") < 5


@pytest.mark.parametrize("model", [None, [], "text", {"channels": [1]}, {"_target_": {"_target_": "os.system"}}])
def test_what_names_no_network(model):
    with pytest.raises(InputError, match="names no network"):
        check_model("run", model)
