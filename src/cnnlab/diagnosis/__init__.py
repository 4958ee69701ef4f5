"""The verdict in plain words: what keeps a network from learning, what to fix first, and what to change.

`diagnose(history, context)` looks at the logged steps (the rows of metrics.jsonl) at any time of a run. Every rule,
with its thresholds and their reasons, is a function of one `Evidence`, listed in its module's RULES:

symmetry, dead units            units.py        vanishing, exploding, saturation    signal.py
updates, chance, overfitting    learning.py     the first NaN                       nonfinite.py
"""

from cnnlab.diagnosis.context import Context as Context
from cnnlab.diagnosis.finding import Finding as Finding
from cnnlab.diagnosis.finding import flat as flat
from cnnlab.diagnosis.remedies import Remedy as Remedy
from cnnlab.diagnosis.rules import Diagnosis as Diagnosis
from cnnlab.diagnosis.rules import diagnose as diagnose
from cnnlab.diagnosis.rules import healthy as healthy
