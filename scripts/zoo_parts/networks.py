"""The published networks of the zoo, by name: as torchvision and timm build them, with random weights, without noise.

Chosen for different mechanisms, not for their accuracy. Images are smaller than the published size where a network
takes them; MACs of torchvision's are also compared at the published size.
"""

from collections.abc import Callable
from dataclasses import dataclass

import timm
import torch
import torchvision
from torch import nn

CLASSES = 5
NOISE = ("p", "drop_prob", "drop_rate", "drop_path_rate", "dropout")  # attributes of modules, of any class


@dataclass(frozen=True)
class Specimen:
    """`build(classes)` draws weights; `shape`: (C, H, W) of the images; `family`: torchvision, timm or odd.
    `published`: torchvision's name, under which it states the number of parameters and MACs. `field_side`: of the
    images for the receptive field, if they have to be larger."""

    build: Callable[[int], nn.Module]
    shape: tuple[int, int, int] = (3, 64, 64)
    family: str = "odd"
    published: str | None = None
    field_side: int | None = None

    def made(self, classes: int = CLASSES) -> nn.Module:
        """The same weights in each call. All dropout is 0, so that two passes give the same numbers."""
        torch.manual_seed(0)
        return quiet(self.build(classes))

    def images(self, count: int) -> torch.Tensor:
        """Normal noise (count, C, H, W), the same in each call."""
        return torch.randn(count, *self.shape, generator=torch.Generator().manual_seed(1))


def quiet(network: nn.Module) -> nn.Module:
    for module in network.modules():
        for name in NOISE:
            if isinstance(module.__dict__.get(name), float):
                setattr(module, name, 0.0)
    return network


def _torchvision(name: str, side: int = 64, field_side: int | None = None, **settings: object) -> tuple[str, Specimen]:
    def build(classes: int) -> nn.Module:
        return torchvision.models.get_model(name, num_classes=classes, **settings)

    return name, Specimen(build, (3, side, side), "torchvision", name, field_side)


def _timm(name: str, side: int = 64, **settings: object) -> tuple[str, Specimen]:
    def build(classes: int) -> nn.Module:
        return timm.create_model(name, num_classes=classes, **settings)

    return name, Specimen(build, (3, side, side), "timm")


PLAIN = {"aux_logits": False, "init_weights": False}
TORCHVISION = dict(
    [
        _torchvision("alexnet", 96, 224),
        _torchvision("vgg11", 96, 224),
        _torchvision("vgg11_bn", 64, 224),
        _torchvision("resnet18"),
        _torchvision("resnet50"),
        _torchvision("resnext50_32x4d"),
        _torchvision("densenet121"),
        _torchvision("squeezenet1_1"),
        _torchvision("googlenet", **PLAIN),
        _torchvision("inception_v3", 96, **PLAIN),
        _torchvision("mobilenet_v2"),
        _torchvision("mobilenet_v3_small"),
        _torchvision("efficientnet_b0"),
        _torchvision("shufflenet_v2_x0_5"),
        _torchvision("mnasnet0_5"),
        _torchvision("regnet_y_400mf"),
        _torchvision("convnext_tiny"),
        _torchvision("vit_b_16", image_size=64),
        _torchvision("swin_t"),
    ]
)
TIMM = dict(
    [
        _timm("resnet10t"),
        _timm("seresnet18"),
        _timm("skresnet18"),
        _timm("resnetv2_18"),
        _timm("nf_resnet26"),
        _timm("test_nfnet"),
        _timm("res2net50_14w_8s"),
        _timm("cspresnet50"),
        _timm("hrnet_w18_small"),
        _timm("dla46_c"),
        _timm("ghostnet_050"),
        _timm("repvgg_a0"),
        _timm("mobileone_s0"),
        _timm("fastvit_t8"),
        _timm("convnext_atto"),
        _timm("inception_next_atto"),
        _timm("poolformer_s12"),
        _timm("convmixer_768_32"),
        _timm("starnet_s1"),
        _timm("edgenext_xx_small"),
        _timm("mobilevit_xxs"),
        _timm("efficientvit_b0"),
        _timm("vit_tiny_patch16_224", img_size=64),
        _timm("deit3_small_patch16_224", img_size=64),
        _timm("cait_xxs24_224", img_size=64),
        _timm("mixer_s32_224", img_size=64),
        _timm("gmlp_ti16_224", img_size=64),
        _timm("levit_128s", 224),
    ]
)
PUBLISHED = TORCHVISION | TIMM
