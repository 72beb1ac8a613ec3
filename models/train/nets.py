"""Two small networks of plain operators: convolution, ReLU, addition, nearest-neighbour enlargement, pooling."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class Conv(nn.Module):
    """Convolution, batch normalisation (folded away before export), ReLU."""

    def __init__(self, inputs, outputs, size=3, stride=1, act=True):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs, momentum=0.03)
        self.act = nn.ReLU() if act else nn.Identity()

    def forward(self, x):
        return self.act(self.norm(self.conv(x)))

    def fold(self):
        self.conv, self.norm = fuse_conv_bn_eval(self.conv, self.norm), nn.Identity()


class Block(nn.Module):
    """Two convolutions beside a short cut (He et al. 2016, doi:10.1109/CVPR.2016.90)."""

    def __init__(self, width, inner):
        super().__init__()
        self.down, self.up = Conv(width, inner, 1), Conv(inner, width, 3, act=False)
        self.act = nn.ReLU()

    def forward(self, x):
        return self.act(x + self.up(self.down(x)))


def folded(net):
    """The same function without batch normalisation."""
    net = net.eval()
    for module in net.modules():
        if isinstance(module, Conv):
            module.fold()
    return net


class Detector(nn.Module):
    """Boxes without anchors at stride 8 (Tian et al. 2019, doi:10.1109/ICCV.2019.00972), fed by features of strides 8, 16 and 32."""

    STRIDE = 8

    def __init__(self, classes):
        super().__init__()
        self.stem = nn.Sequential(Conv(3, 12, 3, 2), Conv(12, 20, 3, 2))
        self.eight = nn.Sequential(Conv(20, 40, 3, 2), Block(40, 24), Block(40, 24))
        self.sixteen = nn.Sequential(Conv(40, 64, 3, 2), Block(64, 40), Block(64, 40))
        self.thirty_two = nn.Sequential(Conv(64, 80, 3, 2), Block(80, 48), Block(80, 48))
        self.wide, self.middle = Conv(80, 40, 1), Conv(64, 40, 1)
        self.merge_sixteen, self.merge_eight = Conv(80, 32), Conv(72, 32)
        self.classes = nn.Sequential(Conv(32, 32), nn.Conv2d(32, classes, 1))
        self.sides = nn.Sequential(Conv(32, 32), nn.Conv2d(32, 4, 1))
        nn.init.constant_(self.classes[-1].bias, -4.0)
        nn.init.constant_(self.sides[-1].bias, 0.7)

    def forward(self, x):
        """Class logits (B, C, h, w), and distances to left, top, right, bottom in strides (B, 4, h, w)."""
        eight = self.eight(self.stem(x))
        sixteen = self.sixteen(eight)
        wide = enlarged(self.wide(self.thirty_two(sixteen)))
        sixteen = self.merge_sixteen(torch.cat([self.middle(sixteen), wide], 1))
        eight = self.merge_eight(torch.cat([eight, enlarged(sixteen)], 1))
        return self.classes(eight), torch.exp(self.sides(eight))


def enlarged(x):
    return nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")


class DetectorRows(nn.Module):
    """The detector as it is exported: (1, 4 + C, N), cx cy w h in input pixels, scores from 0 to 1, as YOLOv8 exports have it."""

    def __init__(self, net, width, height):
        super().__init__()
        self.net = net
        y, x = torch.meshgrid(torch.arange(height // 8), torch.arange(width // 8), indexing="ij")
        self.register_buffer("middle", (torch.stack([x, y]).float() + 0.5).reshape(1, 2, -1) * 8)

    def forward(self, images):
        scores, sides = self.net(images)
        scores, sides = torch.sigmoid(scores).flatten(2), sides.flatten(2) * 8.0
        near, far = sides[:, :2], sides[:, 2:]
        return torch.cat([self.middle + (far - near) * 0.5, near + far, scores], 1)


class Classifier(nn.Module):
    """One score per label for the whole picture, from the detector's first features: their mean and their maximum over the picture."""

    def __init__(self, classes):
        super().__init__()
        detector = Detector(1)
        self.body = nn.Sequential(detector.stem, detector.eight, detector.sixteen)
        self.last = nn.Linear(128, classes)

    def start_from(self, detector):
        """Takes what the detector has learned about edges, corners and holes: `detector` is its saved state."""
        names = {"stem": "body.0", "eight": "body.1", "sixteen": "body.2"}
        parts = {key: key.partition(".") for key in detector}
        known = {f"{names[part]}.{rest}": detector[key] for key, (part, _, rest) in parts.items() if part in names}
        missing = self.load_state_dict(known, strict=False).missing_keys
        assert set(missing) == {"last.weight", "last.bias"}, missing
        return self

    def forward(self, images):
        """Logits (B, C)."""
        seen = self.body(images)
        return self.last(torch.cat([seen.mean((2, 3)), nn.functional.max_pool2d(seen, seen.shape[2:]).flatten(1)], 1))
